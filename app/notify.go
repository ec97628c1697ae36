package app

import (
	"fmt"
	"net"
	"strings"
)

// notify tells the service manager how the service is: "READY=1", "STOPPING=1".
// It does nothing without a socket, that is, outside of systemd.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
func notify(socket, state string) error {
	if socket == "" {
		return nil
	}
	if name, abstract := strings.CutPrefix(socket, "@"); abstract {
		socket = "\x00" + name
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	_, err = conn.Write([]byte(state))
	conn.Close()
	if err != nil {
		return fmt.Errorf("notify the service manager: %w", err)
	}
	return nil
}
