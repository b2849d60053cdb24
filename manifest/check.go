package manifest

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Check reads the manifest of a web folder, [Name] at its top, and reports every mistake that would leave its pages
// without a cache: entries and fallback pages that are not in the folder, hashes that are malformed or of another
// content, and a manifest that lists itself, which hides all later versions. Each mistake is one line of the error's
// text, "file:line: what is wrong"; errors.Join holds them. URLs of other origins are not looked at.
func Check(fsys fs.FS) error {
	text, err := fs.ReadFile(fsys, Name)
	if err != nil {
		return fmt.Errorf("%s: %w", Name, reason(err))
	}
	return CheckFiles(Name, text, func(name string) (File, bool, error) {
		info, err := fs.Stat(fsys, name)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
			return File{}, false, nil
		}
		if err != nil {
			return File{}, false, reason(err)
		}
		sum, size, err := hashFile(fsys, name)
		return File{name, size, sum}, err == nil, err
	})
}

// folderOrigin stands for the web folder's top. It is only resolved against, never asked.
const folderOrigin = "https://folder.invalid"

// CheckFiles is [Check] for a manifest of any name, in a folder whose files find looks up.
func CheckFiles(name string, text []byte, find func(path string) (f File, ok bool, err error)) error {
	base, err := parseAddress(folderOrigin + "/" + escape(name, pathEscapes+`%\`))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	p, err := newParser(base, text)
	if err != nil {
		return fmt.Errorf("%s:1: %w", name, err)
	}
	var mistakes []error
	for p.next() {
		p.data()
		if err := p.check(name, find); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s:%d: %w", name, p.number, err))
		}
	}
	return errors.Join(mistakes...)
}

// check looks at the current line.
func (p *parser) check(manifest string, find func(path string) (File, bool, error)) error {
	var target, hash string
	switch {
	case p.section == sectionCache:
		target = p.tokens[0]
		if len(p.tokens) > 1 && strings.HasPrefix(p.tokens[1], integrityPrefix) {
			var ok bool
			if hash, ok = parseIntegrity(p.tokens[1]); !ok {
				return fmt.Errorf("the hash of %s is not the base64 of 32 bytes", target)
			}
		}
	case p.section == sectionFallback && len(p.tokens) < 2:
		return fmt.Errorf("a fallback needs two URLs: what it stands in for, and the page (%s)", p.tokens[0])
	case p.section == sectionFallback:
		namespace, err := p.base.resolve(p.tokens[0])
		if err != nil || namespace.origin() != p.base.origin() || !strings.HasPrefix(namespace.path, p.folder) {
			return fmt.Errorf("browsers ignore this fallback: %s is not inside %s, the manifest's own folder", p.tokens[0], p.folder)
		}
		target = p.tokens[1]
	default:
		return nil
	}
	file, local := localFile(p.base, target)
	switch {
	case !local:
		return nil
	case file == manifest:
		return errors.New("the manifest lists itself, so no page would ever see a new version: remove this line")
	case !fs.ValidPath(file):
		return fmt.Errorf("%s is not the name of a file", target)
	}
	f, ok, err := find(file)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", target, err)
	case !ok:
		return fmt.Errorf("%s is listed, but there is no file %s", target, file)
	case hash != "" && hash != integrity(f.Sum):
		return fmt.Errorf("%s has changed since the manifest was written: its hash is now %s", target, integrity(f.Sum))
	}
	return nil
}
