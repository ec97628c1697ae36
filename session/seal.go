package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

const (
	minKey    = 32 // characters in a secret
	minLetter = 8  // different characters in a secret

	// sealVersion is the first byte of everything sealed, so that another
	// format can be told apart later.
	sealVersion = 1
)

// A ring seals with its first key and opens with any.
//
// The keys are derived from the secrets by HKDF-SHA-256; the cipher is
// AES-256-GCM with a random nonce per message. The name under which something
// is stored is bound to it as associated data: what was sealed as one row does
// not open as another.
type ring []cipher.AEAD

func newRing(secrets []string) (ring, error) {
	if len(secrets) == 0 {
		return nil, errors.New("no secret key: sessions cannot be sealed")
	}
	var keys ring
	for i, secret := range secrets {
		if err := checkSecret(secret); err != nil {
			return nil, fmt.Errorf("secret key %d of %d: %w", i+1, len(secrets), err)
		}
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "tipoff sessions 1", 32)
		if err != nil {
			return nil, fmt.Errorf("derive secret key %d: %w", i+1, err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("use secret key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("use secret key %d: %w", i+1, err)
		}
		keys = append(keys, aead)
	}
	return keys, nil
}

// checkSecret refuses what nobody can have drawn at random: a secret that is
// short, has hardly any different characters, or is one word over and over.
func checkSecret(secret string) error {
	if n := len([]rune(secret)); n < minKey {
		return fmt.Errorf("has %d characters, must have %d or more", n, minKey)
	}
	letters := make(map[rune]bool)
	for _, r := range secret {
		letters[r] = true
	}
	if len(letters) < minLetter {
		return fmt.Errorf("has only %d different characters, must have %d or more", len(letters), minLetter)
	}
	// A string is a repetition exactly when it occurs within its own double.
	if double := secret + secret; strings.Contains(double[1:len(double)-1], secret) {
		return errors.New("is a short text repeated, must be random")
	}
	return nil
}

// seal encrypts plain for the place called name.
func (k ring) seal(name string, plain []byte) []byte {
	out := make([]byte, 1, 1+len(plain)+k[0].Overhead())
	out[0] = sealVersion
	return k[0].Seal(out, nil, plain, []byte(name))
}

// open decrypts what was sealed for the place called name. It reports false for
// anything that was not, whatever the reason.
func (k ring) open(name string, sealed []byte) ([]byte, bool) {
	plain, _, ok := k.openWith(name, sealed)
	return plain, ok
}

// openWith is open and tells which key fitted.
func (k ring) openWith(name string, sealed []byte) (plain []byte, key int, ok bool) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, 0, false
	}
	for i, aead := range k {
		if plain, err := aead.Open(nil, nil, sealed[1:], []byte(name)); err == nil {
			return plain, i, true
		}
	}
	return nil, 0, false
}
