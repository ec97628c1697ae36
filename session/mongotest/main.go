// Command mongotest serves the MongoDB protocol for the tests of package session,
// from FerretDB over SQLite files in a directory that goes with it. It prints its
// address on standard output and ends when its standard input does.
//
// MongoDB changes a document atomically: of two replacements that ask for the same
// old value, one wins. FerretDB over SQLite finds and writes in two steps, and both
// may win. So that stores can be judged as over MongoDB, one command at a time is
// let through to it.
//
// It is a module of its own so that nothing of it reaches Tipoff's.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"sync"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mongotest:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "mongotest-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	behind, err := url.Parse(db.MongoDBURI())
	if err != nil {
		return err
	}
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go serve(front, behind.Host)
	behind.Host = front.Addr().String()
	fmt.Println(behind)
	_, _ = io.Copy(io.Discard, os.Stdin)
	cancel()
	return <-ended
}

// serve hands the commands of all who connect to the server at the address behind,
// one at a time.
func serve(front net.Listener, behind string) {
	var turn sync.Mutex
	for {
		client, err := front.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", behind)
			if err != nil {
				return
			}
			defer server.Close()
			for {
				command, err := message(client)
				if err != nil {
					return
				}
				turn.Lock()
				var answer []byte
				if _, err = server.Write(command); err == nil {
					answer, err = message(server)
				}
				turn.Unlock()
				if err != nil {
					return
				}
				if _, err := client.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// message reads one message of MongoDB's wire protocol, which begins with its own
// length as four bytes, little end first.
func message(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n < 16 || n > 48_000_000 {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	m := make([]byte, n)
	copy(m, length[:])
	_, err := io.ReadFull(r, m[4:])
	return m, err
}
