// A command line over govmomi's guest/toolbox client, for the end-to-end tests. Where and who comes from
// the variables that govc knows: GOVC_URL, GOVC_USERNAME, GOVC_PASSWORD, GOVC_VM, GOVC_GUEST_LOGIN.
//
//	toolbox run COMMAND [ARG...]     Client.Run: standard streams by way of temporary files
//	toolbox pipe PROGRAM [ARG...]    a program with streams: stdin up, stdout and stderr down
//	toolbox get PATH                 to standard output
//	toolbox put PATH                 from standard input
//	toolbox http HOST:PORT URL       GET by way of http.RoundTrip
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/fault"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/guest/toolbox"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func connect(ctx context.Context) (*toolbox.Client, error) {
	u, err := soap.ParseURL(os.Getenv("GOVC_URL"))
	if err != nil {
		return nil, err
	}
	u.User = url.UserPassword(os.Getenv("GOVC_USERNAME"), os.Getenv("GOVC_PASSWORD"))
	c, err := govmomi.NewClient(ctx, u, true)
	if err != nil {
		return nil, err
	}
	vm, err := find.NewFinder(c.Client).VirtualMachine(ctx, os.Getenv("GOVC_VM"))
	if err != nil {
		return nil, err
	}
	user, password, _ := strings.Cut(os.Getenv("GOVC_GUEST_LOGIN"), ":")
	return toolbox.NewClient(ctx, c.Client, vm, &types.NamePasswordAuthentication{Username: user, Password: password})
}

func start(ctx context.Context, c *toolbox.Client, program string, args []string) (int64, error) {
	return c.ProcessManager.StartProgram(ctx, c.Authentication, &types.GuestProgramSpec{
		ProgramPath: program,
		Arguments:   strings.Join(args, " "),
	})
}

func upload(ctx context.Context, c *toolbox.Client, path string, data []byte) error {
	return c.Upload(ctx, bytes.NewReader(data), path, soap.DefaultUpload, new(types.GuestPosixFileAttributes), true)
}

// download repeats until the program has ended, as clients of the Go toolbox do.
func download(ctx context.Context, c *toolbox.Client, path string) (io.ReadCloser, error) {
	for {
		f, _, err := c.Download(ctx, path)
		if err == nil {
			return f, nil
		}
		if !fault.Is(err, &types.CannotAccessFile{}) {
			return nil, err
		}
	}
}

func stream(pid int64, name string) string {
	return fmt.Sprintf("/proc/%d/%s", pid, name)
}

func fetch(ctx context.Context, c *toolbox.Client, path string, out io.Writer) error {
	f, err := download(ctx, c, path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(out, f)
	return err
}

func exitCode(ctx context.Context, c *toolbox.Client, pid int64) (int, error) {
	for {
		procs, err := c.ProcessManager.ListProcesses(ctx, c.Authentication, []int64{pid})
		if err != nil {
			return 0, err
		}
		if len(procs) == 1 && procs[0].EndTime != nil {
			return int(procs[0].ExitCode), nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func pipe(ctx context.Context, c *toolbox.Client, program string, args []string) (int, error) {
	in, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	pid, err := start(ctx, c, program, args)
	if err != nil {
		return 0, err
	}
	if len(in) > 0 {
		if err = upload(ctx, c, stream(pid, "stdin"), in); err != nil {
			return 0, err
		}
	}
	if err = fetch(ctx, c, stream(pid, "stdout"), os.Stdout); err != nil {
		return 0, err
	}
	if err = fetch(ctx, c, stream(pid, "stderr"), os.Stderr); err != nil {
		return 0, err
	}
	return exitCode(ctx, c, pid)
}

type roundTripper struct {
	ctx     context.Context
	client  *toolbox.Client
	address string
}

func (t *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header.Set("Connection", "close")
	request, err := httputil.DumpRequestOut(req, true)
	if err != nil {
		return nil, err
	}
	pid, err := start(t.ctx, t.client, "http.RoundTrip", []string{t.address})
	if err != nil {
		return nil, err
	}
	if err = upload(t.ctx, t.client, stream(pid, "stdin"), request); err != nil {
		return nil, err
	}
	f, err := download(t.ctx, t.client, stream(pid, "stdout"))
	if err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(f), req)
}

func get(ctx context.Context, c *toolbox.Client, address, u string) error {
	client := &http.Client{Transport: &roundTripper{ctx, c, address}}
	res, err := client.Get(u)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", res.Status)
	}
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

func run(ctx context.Context, c *toolbox.Client, program string, args []string) error {
	cmd := &exec.Cmd{Path: program, Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	return c.Run(ctx, cmd)
}

func command(ctx context.Context, args []string) (int, error) {
	if len(args) < 2 {
		return 2, fmt.Errorf("usage: toolbox run|pipe|get|put|http ...")
	}
	c, err := connect(ctx)
	if err != nil {
		return 1, err
	}
	switch args[0] {
	case "run":
		err = run(ctx, c, args[1], args[2:])
		if e, ok := err.(interface{ ExitCode() int }); ok {
			return e.ExitCode(), nil
		}
	case "pipe":
		return pipe(ctx, c, args[1], args[2:])
	case "get":
		err = fetch(ctx, c, args[1], os.Stdout)
	case "put":
		var data []byte
		if data, err = io.ReadAll(os.Stdin); err == nil {
			err = upload(ctx, c, args[1], data)
		}
	case "http":
		err = get(ctx, c, args[1], args[2])
	}
	return 0, err
}

func main() {
	code, err := command(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "toolbox:", err)
		if code == 0 {
			code = 1
		}
	}
	os.Exit(code)
}
