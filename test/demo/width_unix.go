//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"syscall"
	"unsafe"
)

// terminalWidth asks the terminal how many columns it has (ioctl TIOCGWINSZ, tty_ioctl(4)); 0 if it is none.
func terminalWidth(fd uintptr) int {
	var size struct{ Rows, Columns, X, Y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	return int(size.Columns)
}
