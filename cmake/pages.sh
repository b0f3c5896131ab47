#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes man pages and shell completion, as the program itself prints them, into DIR.
# usage: cmake/pages.sh DIR PROGRAM...   (PROGRAM may begin with an emulator)
set -eu
out=$1
shift
mkdir -p "$out/man" "$out/completion"
"$@" help --man >"$out/man/cosmicman.1"
for command in $("$@" help --commands); do "$@" help --man "$command" >"$out/man/cosmicman-$command.1"; done
"$@" help --completion bash >"$out/completion/cosmicman"
"$@" help --completion zsh >"$out/completion/_cosmicman"
"$@" help --completion fish >"$out/completion/cosmicman.fish"
