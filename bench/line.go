package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Bounds of an answer, and of the wait for one.
const (
	answerBytesMax = 16 << 20
	answerWait     = time.Minute
)

// Line is a connection on which one caller asks and is answered in turn. It is what the cases
// over HTTP post with, and speaks HTTP/1.1 by hand: a request is one write of one buffer, of an
// answer no more is read than its status and where it ends. The client of the standard library
// would take as much of the shared processors as the node does, and it is not what is measured.
type Line struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	head   []byte // the request's line and headers, up to the length of its body
	answer []byte
	// until is when the connection gives up waiting; moving it costs as much as a small answer,
	// so that it is moved once in a while only.
	until time.Time
}

// Dial opens a line for requests of one kind to a node on loopback.
func Dial(ctx context.Context, address, host, path, key, content string) (*Line, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	head := "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + key +
		"\r\nContent-Type: " + content + "\r\nContent-Length: "
	return &Line{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), head: []byte(head)}, nil
}

// Ask sends a body and returns the answer's, which is good until the next call. An answer that
// is no success is an error with its text, and so is one that can't be read, after which the line
// is of no use.
func (l *Line) Ask(body []byte) ([]byte, error) {
	l.out = append(l.out[:0], l.head...)
	l.out = strconv.AppendInt(l.out, int64(len(body)), 10)
	l.out = append(l.out, "\r\n\r\n"...)
	l.out = append(l.out, body...)
	if now := time.Now(); l.until.Sub(now) < answerWait {
		l.until = now.Add(2 * answerWait)
		if err := l.conn.SetDeadline(l.until); err != nil {
			return nil, err
		}
	}
	if _, err := l.conn.Write(l.out); err != nil {
		return nil, err
	}
	status, err := l.read()
	if err != nil {
		return nil, fmt.Errorf("read an answer: %w", err)
	}
	if status < 200 || status > 299 {
		return nil, fmt.Errorf("the node answers %d: %.500s", status, l.answer)
	}
	return l.answer, nil
}

// read reads one answer and keeps its body in l.answer.
func (l *Line) read() (status int, err error) {
	first, err := l.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	// "HTTP/1.1 200 OK"
	if len(first) < 13 || string(first[:9]) != "HTTP/1.1 " {
		return 0, fmt.Errorf("it begins with %.50q", first)
	}
	if status, err = strconv.Atoi(string(first[9:12])); err != nil {
		return 0, err
	}
	length, chunked := -1, false
	if status == http.StatusNoContent {
		length = 0
	}
	for {
		header, err := l.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		header = bytes.TrimSpace(header)
		if len(header) == 0 {
			break
		}
		name, value, _ := bytes.Cut(header, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = string(value) == "chunked"
		}
	}
	l.answer = l.answer[:0]
	if !chunked {
		return status, l.take(length)
	}
	return status, l.chunks()
}

// take appends so many bytes to the answer.
func (l *Line) take(length int) error {
	have := len(l.answer)
	if length < 0 || have+length > answerBytesMax {
		return errors.New("it does not say where it ends, or is too long")
	}
	if cap(l.answer) < have+length {
		l.answer = append(make([]byte, 0, have+length+length/2), l.answer...)
	}
	l.answer = l.answer[:have+length]
	_, err := io.ReadFull(l.in, l.answer[have:])
	return err
}

// chunks reads a body whose length is not told ahead (RFC 9112, section 7.1).
func (l *Line) chunks() error {
	for {
		text, err := l.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 16, 32)
		if err != nil {
			return err
		}
		if err := l.take(int(size)); err != nil {
			return err
		}
		if _, err := l.in.Discard(len("\r\n")); err != nil || size == 0 {
			return err
		}
	}
}

// Close ends the connection.
func (l *Line) Close() error { return l.conn.Close() }
