#!/bin/sh
# autogen.sh - makes ./configure from configure.ac (needs autoconf, automake, libtool, pkg-config).
cd "$(dirname "$0")" && exec autoreconf -fi
