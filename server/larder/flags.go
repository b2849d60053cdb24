package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// usageError is a command line, or a variable in its place, that makes no sense. The text says what would.
type usageError string

func (e usageError) Error() string { return string(e) }

var errHelp = flag.ErrHelp

func exitCode(err error) int {
	_, usage := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return 0
	case usage:
		return 2
	}
	return 1
}

// flags are a command's flags: those of package flag, but each is looked up in the environment too, and they may stand
// between the arguments.
type flags struct {
	*flag.FlagSet
	command command
	given   map[string]bool // flags that were set, by command line or environment
}

func newFlags(c command) *flags {
	f := &flags{flag.NewFlagSet(c.name, flag.ContinueOnError), c, map[string]bool{}}
	f.SetOutput(io.Discard) // errors are returned, and printed once
	f.Usage = func() {}
	return f
}

// variable is the flag's name in the environment.
func variable(flag string) string {
	return "LARDER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func (f *flags) parse(args []string, getenv func(string) string) (rest []string, err error) {
	f.VisitAll(func(fl *flag.Flag) {
		value := getenv(variable(fl.Name))
		if value == "" || err != nil {
			return
		}
		if e := f.Set(fl.Name, value); e != nil {
			err = f.explain(fmt.Errorf("invalid value %q for %s: %w", value, variable(fl.Name), e))
		}
	})
	if err != nil {
		return nil, err
	}
	for {
		if err := f.Parse(args); err != nil {
			return nil, f.explain(err)
		}
		dashes := len(args) - f.NArg()
		if f.NArg() == 0 || dashes > 0 && args[dashes-1] == "--" {
			rest = append(rest, f.Args()...)
			break
		}
		rest = append(rest, f.Arg(0))
		args = f.Args()[1:]
	}
	f.Visit(func(fl *flag.Flag) { f.given[fl.Name] = true })
	want := strings.Fields(f.command.args)
	switch {
	case len(rest) > len(want):
		return nil, f.wrong(fmt.Sprintf("unexpected argument %q", rest[len(want)]))
	case len(rest) < len(want):
		return nil, f.wrong("which " + want[len(rest)] + "?")
	}
	return rest, nil
}

// wrong makes a usage error of this command.
func (f *flags) wrong(what string) error {
	return usageError(fmt.Sprintf("%s: %s (\"larder help %s\" tells more)", f.command.name, what, f.command.name))
}

// explain puts an error of package flag into the spelling that we print everywhere else.
func (f *flags) explain(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return f.wrong("unknown flag --" + strings.TrimPrefix(name, "-"))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return f.wrong("--" + name + " needs a value")
	}
	if rest, ok := strings.CutPrefix(text, "invalid boolean value "); ok {
		text = "invalid value " + strings.Replace(rest, " for -", " for --", 1)
	}
	text = strings.Replace(text, " for flag -", " for --", 1)
	if rest, ok := strings.CutSuffix(text, "parse error"); ok { // all but booleans we read ourselves
		text = rest + "it is true or false"
	}
	return f.wrong(text)
}

func (f *flags) usage() string {
	var b strings.Builder
	args := f.command.args
	if args != "" {
		args += " "
	}
	fmt.Fprintf(&b, "Usage: larder %s %s[flags]\n\n%s%s.\n", f.command.name, args,
		strings.ToUpper(f.command.summary[:1]), f.command.summary[1:])
	first := true
	f.VisitAll(func(fl *flag.Flag) {
		if first {
			b.WriteString("\nFlags, with their names in the environment:\n")
			first = false
		}
		kind, text := flag.UnquoteUsage(fl)
		fmt.Fprintf(&b, "\n  --%s %s   (%s)\n%s", fl.Name, kind, variable(fl.Name), wrapped(text))
		if fl.DefValue != "" && fl.DefValue != "false" {
			fmt.Fprintf(&b, "      default: %s\n", fl.DefValue)
		}
	})
	return b.String()
}

// wrapped breaks a text into lines that a terminal shows whole.
func wrapped(text string) string {
	const indent, most = "      ", 100
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > most && line != indent {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

// list is a flag that holds several values, separated by commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	*l = nil
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}

// size is a flag that is a number of bytes.
type size int64

func (s *size) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *size) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return errors.New("it is a whole number from 1 up")
	}
	*s = size(n)
	return nil
}

// choice is a flag that is one of a few words.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }

func (c *choice) Set(text string) error {
	if !slices.Contains(c.words, text) {
		return errors.New("it is one of " + strings.Join(c.words, ", "))
	}
	c.value = text
	return nil
}
