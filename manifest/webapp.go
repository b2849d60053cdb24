package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// CheckApp reads a web app manifest, the JSON file that makes a page installable, and reports icons, screenshots and a
// start page that are not in the folder. The error's text is like that of [Check].
func CheckApp(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("%s: %w", name, reason(err))
	}
	type image struct {
		Src string `json:"src"`
	}
	var app struct {
		Icons       []image `json:"icons"`
		Screenshots []image `json:"screenshots"`
		StartURL    string  `json:"start_url"`
	}
	if err := json.Unmarshal(text, &app); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	base, err := parseAddress(folderOrigin + "/" + escape(name, pathEscapes+`%\`))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var mistakes []error
	exists := func(what, url string) {
		file, local := localFile(base, url)
		if !local {
			return
		}
		if _, err := fs.Stat(fsys, file); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: its %s %s: there is no file %s", name, what, url, file))
		}
	}
	for _, i := range app.Icons {
		exists("icon", i.Src)
	}
	for _, i := range app.Screenshots {
		exists("screenshot", i.Src)
	}
	if app.StartURL != "" {
		exists("start_url", app.StartURL)
	}
	return errors.Join(mistakes...)
}

// localFile is the file that a URL in a manifest at base names; local is false for what lies elsewhere.
func localFile(base address, url string) (file string, local bool) {
	u, err := base.resolve(url)
	if err != nil || u.origin() != base.origin() {
		return "", false
	}
	file, ok := unescape(u.path[1:])
	if !ok {
		return u.path[1:], true
	}
	if file == "" || file[len(file)-1] == '/' {
		file += "index.html"
	}
	return file, true
}
