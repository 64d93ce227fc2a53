package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// newBrowser starts headless Chromium with a new profile. It runs as any user, also as root, and sends nothing.
func newBrowser(ctx context.Context, path string) (context.Context, context.CancelFunc) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1280, 900))
	ctx, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancel := chromedp.NewContext(ctx)
	return ctx, func() {
		cancel()
		cancelAllocator()
	}
}

// open opens a page in a screen of that size and waits for its table.
func open(ctx context.Context, url string, width, height int64, scheme string) error {
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height), colours(scheme), chromedp.Navigate(url))
	if err != nil {
		return err
	}
	said, err := chromedp.Run(ctx, chromedp.Poll[string](ready))
	if err == nil && said != "yes" {
		err = errors.New(said)
	}
	return err
}

// ready is "yes" once the table is there, or what the page says against itself.
const ready = `document.documentElement.dataset.ready || document.getElementById('cut').textContent`

// colours emulates the preference for light or dark.
func colours(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		p := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}}}
		if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, p); err != nil {
			return fmt.Errorf("preferring %s: %w", scheme, err)
		}
		return nil
	})
}
