// Command probe is what the end-to-end tests' pods run beside agnhost: it writes and reads files with the errors of the
// disk below them, tells where on the disk a file is, and fetches URLs.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const usage = `usage: probe write PATH TEXT COUNT   write TEXT as COUNT lines, and return when it is on the disk
       probe read PATH                print the file
       probe space PATH               print the size in bytes of the file system that the path is on
       probe where PATH               print offset and length in bytes of the file's first extent on its disk
       probe fetch URL COUNT          print COUNT answers, one after the other, each from a connection of its own`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "write":
		count, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return write(args[1], strings.Repeat(args[2]+"\n", count))
	case len(args) == 2 && args[0] == "read":
		data, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		_, err = os.Stdout.Write(data)
		return err
	case len(args) == 2 && args[0] == "space":
		return space(args[1])
	case len(args) == 2 && args[0] == "where":
		return where(args[1])
	case len(args) == 3 && args[0] == "fetch":
		count, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return fetch(args[1], count)
	}
	return fmt.Errorf("unknown command\n%s", usage)
}

// write makes the file's data, its size and its name durable.
func write(path, text string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// space tells how large a file system is, used or not.
func space(path string) error {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return err
	}
	_, err := fmt.Println(stat.Blocks * uint64(stat.Bsize))
	return err
}

// FS_IOC_FIEMAP with room for one extent (linux/fiemap.h).
const (
	fiemapRequest = 0xC020660B
	fiemapSync    = 1
	headerSize    = 32
	extentSize    = 56
)

func where(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	var request [headerSize + extentSize]byte
	binary.LittleEndian.PutUint64(request[8:], ^uint64(0))
	binary.LittleEndian.PutUint32(request[16:], fiemapSync)
	binary.LittleEndian.PutUint32(request[24:], 1)
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), fiemapRequest, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return errno
	}
	if binary.LittleEndian.Uint32(request[20:]) != 1 {
		return fmt.Errorf("%s has no extent", path)
	}
	extent := request[headerSize:]
	fmt.Println(binary.LittleEndian.Uint64(extent[8:]), binary.LittleEndian.Uint64(extent[16:]))
	return nil
}

func fetch(url string, count int) error {
	client := http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	for range count {
		response, err := client.Get(url)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		response.Body.Close()
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
		}
		fmt.Println(strings.TrimSpace(string(body)))
	}
	return nil
}
