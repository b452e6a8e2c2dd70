#!/usr/bin/python3
"""samples.py SOCKET - a FastCGI program that answers with the variables it was given, for tests/samples.sh.

Its headers are some of the real program's.  /nothing and /api/nothing are 404, /api/slow takes 3 s; asked by
auth_request (ASKED=auth) it names as X-Auth-Request-User whoever the cookie names.
"""
import socket
import struct
import sys
import threading
import time

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


def exactly(conn, size):
    data = b""
    while len(data) < size:
        more = conn.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def variables(data):
    """Pairs in their order, twice what was sent twice."""
    at, pairs = 0, []
    while at < len(data):
        sizes = []
        for _ in range(2):
            size = data[at]
            at += 1
            if size > 127:
                size = (size & 127) << 24 | int.from_bytes(data[at:at + 3], "big")
                at += 3
            sizes.append(size)
        name, value = data[at:at + sizes[0]], data[at + sizes[0]:at + sum(sizes)]
        pairs.append((name.decode(), value.decode()))
        at += sum(sizes)
    return pairs


def answer(pairs):
    known = dict(pairs)
    uri = known.get("REQUEST_URI")
    status = "404 Not Found" if uri in ("/nothing", "/api/nothing") else "200 OK"
    if uri == "/api/slow":
        time.sleep(3)
    head = f"Status: {status}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    head += "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    head += "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    head += "Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-store\r\n"
    if known.get("ASKED") == "auth":
        head += f"X-Auth-Request-User: {known.get('HTTP_COOKIE', '')}\r\n"
    return (head + "\r\n" + "".join(f"{n}={v}\n" for n, v in pairs)).encode()


def serve(conn):
    params, keep = b"", 0
    while True:
        _, kind, number, size, padding, _ = struct.unpack(">BBHHBB", exactly(conn, 8))
        data = exactly(conn, size + padding)[:size]
        if kind == BEGIN:
            params, keep = b"", data[2] & 1
        elif kind == PARAMS:
            params += data
        elif kind == STDIN and not data:
            out = answer(variables(params))
            for part in out, b"":
                conn.sendall(struct.pack(">BBHHBB", 1, STDOUT, number, len(part), 0, 0) + part)
            conn.sendall(struct.pack(">BBHHBB", 1, END, number, 8, 0, 0) + bytes(8))
            if not keep:
                return


def handle(conn):
    with conn:
        try:
            serve(conn)
        except (EOFError, ConnectionError):
            pass


def main():
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(64)
    while True:
        threading.Thread(target=handle, args=(listening.accept()[0],), daemon=True).start()


main()
