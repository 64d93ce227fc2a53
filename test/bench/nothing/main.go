// Command nothing is a function that does nothing: the floor of what any function in Go costs at its start. It is
// built and started by test/bench, and is of no other use.
package main

import (
	"context"
	"io"

	fdk "github.com/fnproject/fdk-go"
)

func main() {
	fdk.Handle(fdk.HandlerFunc(func(context.Context, io.Reader, io.Writer) {}))
}
