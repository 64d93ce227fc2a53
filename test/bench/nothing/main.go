// Command nothing is a function that does nothing. Its start is the lower limit for any function in Go: test/bench
// builds and starts it.
package main

import (
	"context"
	"io"

	fdk "github.com/fnproject/fdk-go"
)

func main() {
	fdk.Handle(fdk.HandlerFunc(func(context.Context, io.Reader, io.Writer) {}))
}
