package ociemu

import (
	"net"
	"testing"
)

func TestConsecutiveWritesAreOneFlight(t *testing.T) {
	client, server := net.Pipe()
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	trips := 0
	f := &flights{Conn: server, travel: func() bool { trips++; return true }}
	for range 2 {
		go client.Write([]byte("hello")) // read below
		if _, err := f.Read(make([]byte, 5)); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			go client.Read(make([]byte, 1))
			if _, err := f.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.count != 2 || trips != 2 {
		t.Errorf("%d flights and %d round trips, want 2", f.count, trips)
	}
}
