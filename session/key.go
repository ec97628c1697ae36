package session

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Key returns the secret kept in the file at path, which it makes on first use
// with 32 random bytes. The file is whole or absent, also when two processes
// start at once or one is killed, and only its owner can read it: where others
// can, because a volume was mounted with wider permissions, they are tightened.
func Key(path string) (string, error) {
	secret, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the secret key's directory: %w", err)
	}
	if err := makeKey(path); err != nil {
		return "", fmt.Errorf("make the secret key: %w", err)
	}
	return readKey(path)
}

func readKey(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the secret key: %w", err)
	}
	secret := strings.TrimSpace(string(b))
	if err := checkSecret(secret); err != nil {
		return "", fmt.Errorf("secret key in %s: %w", path, err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return "", fmt.Errorf("secret key in %s can be read by others: %w", path, err)
		}
	}
	return secret, nil
}

// makeKey writes a new secret beside path and links it into place, so that the
// first of several processes wins and none sees half a file.
func makeKey(path string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	b := make([]byte, 32)
	rand.Read(b)
	_, err = tmp.WriteString(base64.RawURLEncoding.EncodeToString(b) + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	err = os.Link(tmp.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		// Not every file system has links; those get the plain rename.
		return os.Rename(tmp.Name(), path)
	}
	return nil
}
