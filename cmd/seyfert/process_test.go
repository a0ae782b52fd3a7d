package main_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// closingMax is how long a process may take after SIGTERM. It would wait longer for requests
// under way; but those that only wait for something to happen must not hold it up.
const closingMax = 8 * time.Second

// process is the program in a process of its own that can be killed and started again.
type process struct {
	program string
	args    []string
	cmd     *exec.Cmd
	log     *os.File
}

// newProcess starts the program; what it writes on standard error goes to a file.
func newProcess(t *testing.T, log, program string, args ...string) *process {
	t.Helper()
	file, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{program: program, args: args, log: file}
	p.start(t)
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		if said := p.said(t); t.Failed() {
			t.Logf("%v wrote:\n%s", args, said[max(0, len(said)-16<<10):])
		}
		_ = file.Close()
	})
	return p
}

// start runs the program and returns when it has printed its first line.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.program, p.args...)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan error, 1)
	go func() {
		var first [1]byte
		_, err := out.Read(first[:])
		line <- err
	}()
	select {
	case err = <-line:
	case <-time.After(30 * time.Second):
		err = errors.New("nothing printed in 30 s")
	}
	if err != nil {
		t.Fatalf("start %v: %v", p.args, err)
	}
}

// said is what the program wrote on standard error in all its lives.
func (p *process) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// pause stops the process for a while, as a machine without time for it does.
func (p *process) pause(d time.Duration) {
	p.signal(syscall.SIGSTOP)
	time.Sleep(d)
	p.signal(syscall.SIGCONT)
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// end asks the process to end, as an operator does.
func (p *process) end(t *testing.T) {
	t.Helper()
	began := time.Now()
	late := time.AfterFunc(closingMax, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("SIGTERM to %v: %v after %v", p.args, err, time.Since(began))
	}
	p.cmd = nil
}
