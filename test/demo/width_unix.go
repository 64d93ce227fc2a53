//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package main

import (
	"syscall"
	"unsafe"
)

// terminalWidth returns the terminal's number of columns (ioctl TIOCGWINSZ, tty_ioctl(4)); 0 if fd is no terminal.
func terminalWidth(fd uintptr) int {
	var size struct{ Rows, Columns, X, Y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	return int(size.Columns)
}
