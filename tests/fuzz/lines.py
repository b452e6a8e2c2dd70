"""lines.py - a corpus as text, one input a line, % and two lower-case hexadecimal digits for a byte, and as files.

Usage: lines.py unpack CORPUS.txt FOLDER     each line as FOLDER/seed-NNNN
       lines.py add CORPUS.txt MAX FILE...   appends the files as lines, small ones first, up to MAX bytes in all
"""
import os
import re
import sys


def unescape(line):
    return re.sub(rb"%([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), line)


def escape(data):
    out = bytearray()
    for i, c in enumerate(data):
        ambiguous = c == 0x25 and re.match(rb"[0-9a-f]{2}", data[i + 1:i + 3])
        out += b"%%%02x" % c if c < 0x20 or c >= 0x7f or ambiguous else bytes([c])
    return bytes(out)


def unpack(corpus, folder):
    os.makedirs(folder, exist_ok=True)
    with open(corpus, "rb") as f:
        for n, line in enumerate(f, 1):
            with open(os.path.join(folder, "seed-%04d" % n), "wb") as out:
                out.write(unescape(line.rstrip(b"\n")))


def add(corpus, limit, files):
    size = os.path.getsize(corpus)
    added = 0
    with open(corpus, "ab") as out:
        for name in sorted(files, key=os.path.getsize):
            with open(name, "rb") as f:
                line = escape(f.read()) + b"\n"
            if size + len(line) > limit:
                break
            size += out.write(line)
            added += 1
    print("%d added, %d left out, %d bytes" % (added, len(files) - added, size))


if __name__ == "__main__":
    if sys.argv[1] == "unpack":
        unpack(sys.argv[2], sys.argv[3])
    else:
        add(sys.argv[2], int(sys.argv[3]), sys.argv[4:])
