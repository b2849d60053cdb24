// Command larder is Larder's server: it serves a web folder with its offline manifest, and the tables API over a
// database.
//
//	larder serve                          serves ./web and ./tables on http://127.0.0.1:8000 with ./larder.db
//	larder token --user NAME              prints a token that the server accepts
//	larder import FILE --table NAME       puts the records of a JSON file into a table
//	larder export --table NAME            writes the records of a table as JSON lines
//	larder backup FILE                    copies the database to a new file, while the server goes on
//	larder restore FILE                   makes a backup the database
//	larder manifest DIR                   prints the offline manifest of a web folder
//	larder build SRC --out DST            makes a folder for a static host: manifest and compressed copies included
//
// "larder help COMMAND" lists the flags. Each can also be given in the environment: LARDER_MAX_BODY is --max-body; the
// flag wins. The exit code is 0 when all went well, 2 when what it was told makes no sense, and 1 otherwise.
//
// # Guarantees
//
//   - A write that was answered is on disk, and a push that is sent again is not applied again.
//   - Nobody but this machine reaches the server unless --addr says so.
//   - A signal lets running requests finish, and then the database is closed.
//
// # Caveats
//
//   - Tables are open to everybody who reaches the server, unless their files say otherwise.
//   - One server at a time belongs to a database file. larder import may run beside it.
//   - The web folder is kept in memory, compressed copies included.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	m := &Main{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	err := m.Run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "larder: %v\n", err)
	}
	os.Exit(exitCode(err))
}

// Main is the program, without what only a process has. All fields are needed.
type Main struct {
	Stdout io.Writer // results
	Stderr io.Writer // the log
	Getenv func(string) string
}

// command is one of the program's commands.
type command struct {
	name    string
	args    string // the arguments that are not flags, as in "FILE"
	summary string
	flags   func(*flags) func(context.Context, *Main, []string) error // declares flags, returns what runs when they are parsed
}

func commands() []command {
	return []command{
		{"serve", "", "serve a web folder and its tables", serveCommand},
		{"token", "", "print a token for a user", tokenCommand},
		{"import", "FILE", "put the records of a JSON file into a table", importCommand},
		{"export", "", "write the records of a table as JSON, one on each line", exportCommand},
		{"backup", "FILE", "copy an SQLite database to a new file, while its server goes on", backupCommand},
		{"restore", "FILE", "make a backup the database", restoreCommand},
		{"manifest", "DIR", "print the offline manifest of a web folder", manifestCommand},
		{"build", "SRC", "make a folder for a static host", buildCommand},
		{"version", "", "print the version", versionCommand},
	}
}

// Run runs the command that args name, until it is done or the context ends. A [usageError] means that args make no
// sense.
func (m *Main) Run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usageError(`which command? "larder help" lists them`)
	}
	name, args := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		return m.help(args)
	case "-version", "--version":
		name = "version"
	}
	c, err := find(name)
	if err != nil {
		return err
	}
	f := newFlags(c)
	run := c.flags(f)
	rest, err := f.parse(args, m.Getenv)
	if errors.Is(err, errHelp) {
		return m.help([]string{name})
	}
	if err != nil {
		return err
	}
	return run(ctx, m, rest)
}

func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, usageError(fmt.Sprintf("unknown command %q: \"larder help\" lists them", name))
}

func (m *Main) help(args []string) error {
	if len(args) > 0 && args[0] != "help" {
		c, err := find(args[0])
		if err != nil {
			return err
		}
		f := newFlags(c)
		c.flags(f)
		fmt.Fprint(m.Stdout, f.usage())
		return nil
	}
	var b strings.Builder
	b.WriteString("Larder keeps an app's data in the browser and syncs it with this server.\n\nUsage: larder COMMAND …\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-20s %s\n", c.name+" "+c.args, c.summary)
	}
	fmt.Fprintf(&b, "  %-20s %s\n", "help [COMMAND]", "print this, or a command's flags")
	_, err := io.WriteString(m.Stdout, b.String())
	return err
}

func versionCommand(*flags) func(context.Context, *Main, []string) error {
	return func(_ context.Context, m *Main, _ []string) error {
		_, err := fmt.Fprintf(m.Stdout, "larder %s %s %s/%s\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
}

// version is what the Go tool wrote into the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
