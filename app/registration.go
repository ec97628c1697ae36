package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tipoff/todoist"
)

// registrationFile is the file in the data dir that tipoff register writes.
const registrationFile = "todoist-app.json"

// A registration is the app that tipoff register has made at Todoist.
type registration struct {
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret"`
	RedirectURL  string    `json:"redirect_uri"`
	Todoist      string    `json:"todoist"` // the API's address
	Registered   time.Time `json:"registered"`
}

// readRegistration returns the registration kept in the data dir, nil if there
// is none.
func readRegistration(dir string) (*registration, error) {
	path := filepath.Join(dir, registrationFile)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the data dir %s cannot be read by user %d: %w", dir, os.Getuid(), err)
	}
	r := &registration{}
	if err := json.Unmarshal(raw, r); err != nil || r.ClientID == "" || r.ClientSecret == "" {
		return nil, fmt.Errorf("%s is not what tipoff register wrote; tipoff register anew replaces it", path)
	}
	return r, nil
}

// fits tells what keeps the registration from being used with the settings, ""
// if nothing.
func (r *registration) fits(c *config) string {
	switch {
	case r.RedirectURL != c.redirectURL():
		return fmt.Sprintf("Todoist sends people of the app that is registered back to %s, but the public URL asks for %s", r.RedirectURL, c.redirectURL())
	case r.Todoist != c.apiURL:
		return fmt.Sprintf("the app is registered at %s, but the settings name %s", r.Todoist, c.apiURL)
	}
	return ""
}

// register makes this Tipoff known to Todoist as an app and keeps what Todoist
// gave in the data dir. A registration that fits the settings is left alone,
// so that the command can be part of every start; one that does not is replaced
// only when anew is asked for.
func register(ctx context.Context, cfg *config, anew bool, stdout io.Writer) error {
	if cfg.demo {
		return errors.New("the demo has a Todoist of its own; there is nothing to register")
	}
	path := filepath.Join(cfg.dataDir, registrationFile)
	if cfg.clientID != "" {
		return fmt.Errorf("-todoist-client-id (%s) is set and would be used in place of a registration; leave one of them out", envName("todoist-client-id"))
	}
	if cfg.public.Scheme != "https" && !isLoopback(cfg.public.Hostname()) {
		return fmt.Errorf("todoist sends people back to https addresses only, and to http on localhost; the public URL is %s", cfg.public)
	}
	if cfg.public.Port() == "0" {
		return errors.New("the address that people use is not known: set -public-url (TIPOFF_PUBLIC_URL)")
	}
	// Before Todoist is asked, because what it makes cannot be taken back.
	if err := prepareDataDir(cfg.dataDir); err != nil {
		return err
	}
	old, err := readRegistration(cfg.dataDir)
	if !anew {
		if err != nil {
			return err
		}
		if old != nil {
			if why := old.fits(cfg); why != "" {
				return fmt.Errorf("there is a registration in %s already, and %s. To replace it: tipoff register anew", path, why)
			}
			fmt.Fprintf(stdout, "Registered already, as %s, for %s. Nothing was done.\n", old.ClientID, old.RedirectURL)
			return nil
		}
	}
	api := &todoist.API{URL: cfg.apiURL, HTTP: todoist.NewHTTP(0), UserAgent: userAgent()}
	made := registration{RedirectURL: cfg.redirectURL(), Todoist: cfg.apiURL, Registered: time.Now().UTC().Truncate(time.Second)}
	made.ClientID, made.ClientSecret, err = api.Register(ctx, todoist.Registration{Name: "Tipoff", HomeURL: cfg.public.String(),
		RedirectURL: made.RedirectURL, Scopes: []string{todoist.ScopeReadWrite, todoist.ScopeDelete, todoist.ScopeDeleteProject}})
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return err
	}
	if err := writePrivate(path, bytes.NewReader(append(raw, '\n'))); err != nil {
		return fmt.Errorf("keep the registration: %w", err)
	}
	fmt.Fprintf(stdout, `Registered at Todoist as %s.
Todoist sends people back to %s.
Id and secret are in %s, which only you can read. Tipoff uses them from its next start.
`, made.ClientID, made.RedirectURL, path)
	if old != nil {
		fmt.Fprintln(stdout, "Tokens of the app before cannot be renewed any more: tipoff sessions flush -auto-update=false ends them.")
	}
	return nil
}

// prepareDataDir makes the data dir and sees that it can be written to.
func prepareDataDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".write-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("the data dir %s cannot be written to by user %d: %w", dir, os.Getuid(), err)
	}
	return nil
}

// writePrivate writes a file that only its owner can read. A reader, and a
// crash, finds the old content or the new one and nothing between.
func writePrivate(path string, content io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
