# SPDX-License-Identifier: Apache-2.0
# An installed program outside the tree, and a C program that is built against the installed library.
if grep -q '^CM_SANITIZE:BOOL=ON' "$build/CMakeCache.txt"; then
    echo "test_install: not with sanitizers, which the C program would need too"
    return
fi
holds "cmake --install" cmake --install "$build" --prefix "$here/first"
mv first moved # nothing in it may know where it was installed
prefix=$here/moved
installed=$prefix/bin/cosmicman
export PATH=$prefix/bin:$PATH

# The data are those beside the program, not the source tree's: one that the tree lacks is found.
mkdir elsewhere && cd elsewhere || return
echo '{"about": "only here"}' >"$prefix/share/cosmicman/harness/suites/installed.json"
prints "suites of the prefix" "^installed +only here" "$installed" list suites
prints "models of the prefix" "^nano:hq " "$installed" list models
prints "prompts of the prefix" "^people-64 +64 prompts" "$installed" list prompts
prints "by a link from another folder" "^installed +only here" sh -c "ln -s '$installed' link && ./link list suites"
same=(--model "$tiny" --prompt "a woman in a red coat" --seed 7 --steps 10)
holds "the installed program draws" "$installed" generate "${same[@]}" --out program.png
holds "the tree's program draws" "$cm" generate "${same[@]}" --out tree.png
holds "both draw the same" cmp program.png tree.png

# Man pages and completion.
for page in "$prefix"/share/man/man1/*.1; do
    holds "$(basename "$page") has a name line" grep -q '^cosmicman.* \\- ' "$page"
    if command -v groff >/dev/null; then
        groff -man -ww -z -Tutf8 "$page" >"$work/out" 2>said
        holds "$(basename "$page") is clean roff" test ! -s said
    fi
done
for command in $("$cm" help --commands); do
    holds "a man page of $command" test -s "$prefix/share/man/man1/cosmicman-$command.1"
done
bash_script=$prefix/share/bash-completion/completions/cosmicman
holds "bash reads its completion" bash -n "$bash_script"
if command -v zsh >/dev/null; then holds "zsh reads its completion" zsh -n "$prefix/share/zsh/site-functions/_cosmicman"; fi

# completes WORDS... EXPECTED: the last word but EXPECTED is completed to it, among others
completes() {
    local expected=${*: -1}
    bash -c '. "$1"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _cosmicman; printf "%s\n" "${COMPREPLY[@]}"' \
        - "$bash_script" "${@:1:$#-1}" >"$work/out" 2>said
    holds "completes '${*:1:$#-1}'" grep -qxF -- "$expected" "$work/out"
}
completes cosmicman gen generate
completes cosmicman generate --sam --sampler
completes cosmicman generate --sampler dd ddim
completes cosmicman generate --model nano nano:hq
completes cosmicman bench --suite q quick
completes cosmicman list b backends
completes cosmicman help gen generate
cd "$here" || return

# The library: one header for C and C++, only its own names exported, the same images as the program's.
export PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name cosmicman.pc)")
library=$(pkg-config --variable=libdir cosmicman)
printf '#include <cosmicman.h>\nint main(void) { return cosmicman_version()[0] == 0; }\n' >header.c
cp header.c header.cc
strict="-Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags cosmicman)"
for standard in c99 c17; do holds "the header in $standard" cc -std=$standard $strict -fsyntax-only header.c; done
holds "the header in C++" c++ -std=c++11 $strict -fsyntax-only header.cc
nm -D --defined-only "$library/libcosmicman.so" | awk '{ print $3 }' | grep -v '^cosmicman_' >strange
holds "no other name is exported" test ! -s strange

flags=$(pkg-config --cflags --libs cosmicman)
# shellcheck disable=SC2086
holds "the example is built" cc -Wall -Wextra -Werror "$root/docs/examples/generate.c" $flags -o generate
# shellcheck disable=SC2086
holds "the example is built with the static library" cc "$root/docs/examples/generate.c" -I"$prefix/include" \
    "$library/libcosmicman.a" $(pkg-config --static --libs-only-l cosmicman | sed 's/-lcosmicman//') -o generate-static
export LD_LIBRARY_PATH=$library

for how in generate generate-static; do
    holds "$how draws" "./$how" "$tiny" "a woman in a red coat" 7 $how.png
    holds "$how: the same file as the program's" cmp $how.png elsewhere/program.png
done
holds "a shipped model is found beside the library" ./generate nano:hq "a man in a blue shirt" 1 shipped.png
./generate nano:none x 1 none.png 2>said
holds "a model that is not there is an error" grep -q "^generate: no model .nano:none" said
unset LD_LIBRARY_PATH PKG_CONFIG_PATH
