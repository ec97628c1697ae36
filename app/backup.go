package app

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tipoff/database"
)

// kept is what a backup holds, by its names in the archive, and where each is
// on this host: what cannot be had again elsewhere. A PostgreSQL database is not in
// it; its own tools back it up better.
func (c *config) kept() map[string]string {
	files := map[string]string{
		keyFile:          filepath.Join(c.dataDir, keyFile),
		registrationFile: filepath.Join(c.dataDir, registrationFile),
	}
	if path, ok := strings.CutPrefix(c.database, "sqlite:"); ok {
		files[databaseFile] = path
	}
	return files
}

// backup writes what has to be kept into one tar archive, while Tipoff runs. The
// file is - for stdout.
func backup(ctx context.Context, cfg *config, file string, stdout io.Writer) error {
	nothing, elsewhere := fmt.Errorf("there is nothing to back up in %s", cfg.dataDir), ""
	if _, ok := cfg.kept()[databaseFile]; !ok {
		elsewhere = "The database is not in it: back it up with pg_dump.\n"
		nothing = fmt.Errorf("%w; back up the database with pg_dump", nothing)
	}
	// On the data dir's disk, for it may be the only place that can be written to.
	dir, err := os.MkdirTemp(cfg.dataDir, "backup-*") // mode 0700
	if errors.Is(err, fs.ErrNotExist) {
		return nothing
	}
	if err != nil {
		return fmt.Errorf("make room for the copy: %w", err)
	}
	defer os.RemoveAll(dir)
	archive, err := os.Create(filepath.Join(dir, "archive"))
	if err != nil {
		return err
	}
	defer archive.Close()
	w := tar.NewWriter(archive)
	files := 0
	for _, name := range []string{keyFile, registrationFile, databaseFile} {
		path, ok := cfg.kept()[name]
		if !ok {
			continue
		}
		if name == databaseFile {
			copied := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil {
				if err := copyDatabase(ctx, cfg.database, copied); err != nil {
					return err
				}
			}
			path = copied
		}
		switch err := addFile(w, name, path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("back up %s: %w", name, err)
		default:
			files++
		}
	}
	if files == 0 {
		return nothing
	}
	if err := w.Close(); err != nil {
		return err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if file == "-" {
		_, err := io.Copy(stdout, archive)
		return err
	}
	if err := writePrivate(file, archive); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	fmt.Fprintf(stdout, "%d files backed up to %s. Keep it as safe as the data dir: it has the key in it.\n%s", files, file, elsewhere)
	return nil
}

// copyDatabase writes a copy of a SQLite database, whole and as of one moment, while
// others go on using it.
func copyDatabase(ctx context.Context, dsn, to string) error {
	db, err := database.Open(ctx, dsn)
	if err != nil {
		return err
	}
	return errors.Join(db.Backup(ctx, to), db.Close())
}

func addFile(w *tar.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: 0o600, ModTime: info.ModTime().Truncate(time.Second)}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// restore puts a backup where the settings say that its files belong. Files that
// are there already are not replaced.
func restore(cfg *config, file string, stdout io.Writer) error {
	in := os.Stdin
	if file != "-" {
		var err error
		if in, err = os.Open(file); err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		defer in.Close()
	}
	kept := cfg.kept()
	inTheWay := slices.Sorted(maps.Values(kept))
	if path, ok := kept[databaseFile]; ok {
		// SQLite would take what these say for news of the restored one.
		inTheWay = append(inTheWay, path+"-wal", path+"-shm")
	}
	for _, path := range inTheWay {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already; restore into an empty data dir", path)
		}
	}
	if err := prepareDataDir(cfg.dataDir); err != nil {
		return err
	}
	restored, err := unpack(in, kept)
	if err != nil {
		for _, path := range restored { // so that it can be tried again
			os.Remove(path)
		}
		return fmt.Errorf("restore the backup: %w", err)
	}
	fmt.Fprintf(stdout, "%d files restored to %s.\n", len(restored), cfg.dataDir)
	if _, ok := kept[databaseFile]; !ok {
		fmt.Fprintln(stdout, "The database was not in it: restore that with pg_restore.")
	}
	return nil
}

// unpack writes the files of a backup to the paths of their names, and returns the
// paths that it has begun to write.
func unpack(in io.Reader, paths map[string]string) (written []string, err error) {
	for r := tar.NewReader(in); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) && len(written) > 0 {
			return written, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		if err != nil {
			return written, err
		}
		path, ok := paths[header.Name]
		if !ok {
			return written, fmt.Errorf("%q is nothing that tipoff backup wrote, or that these settings have a place for", header.Name)
		}
		written = append(written, path)
		err = os.MkdirAll(filepath.Dir(path), 0o700)
		if err == nil {
			err = writePrivate(path, r)
		}
		if err != nil {
			return written, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}
