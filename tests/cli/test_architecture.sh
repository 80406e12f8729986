#!/usr/bin/env bash
# The order of the house: rooms use their own and lower floors only, and of another room its one header; outside libraries have one door
# each; the library exports shoal_* and nothing else; files stay short; the top level stays tidy.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$repository" || exit 1

declare -A floor=([base]=0 [tensor]=1 [math]=1 [comm]=1 [h5]=1 [graph]=2 [image]=2 [ops]=3 [optim]=3 [launch]=3
    [data]=4 [dist]=4 [nn]=5 [pack]=5 [models]=6 [job]=6 [ckpt]=6 [train]=9 [cli]=10)

# complaints of a kind go to $work/err, one a line; none: the check holds
none() {
    check "$1" test ! -s "$work/err"
}

# includes: `room file header` for every #include of src, public ones as include/shoal
includes() {
    grep -rHoE '^#include ["<][^">]+' src --include='*.c' --include='*.h' | sed -E 's|^src/([^/]+)/([^:]+):#include ["<]|\1 \2 |'
}
includes > "$work/includes"
check "the sources were found" test "$(wc -l < "$work/includes")" -gt 100

for room in src/*/; do
    room=$(basename "$room")
    [[ -n ${floor[$room]:-} ]] || echo "src/$room has no floor"
done > "$work/err"
none "every room has its floor"

while read -r room file header; do
    other=${header%%/*}
    [[ $header == */* && -n ${floor[$other]:-} && $other != "$room" ]] || continue
    [[ ${floor[$other]} -lt ${floor[$room]} ]] || echo "src/$room/$file includes $header, which is not below it"
    [[ $other == base || $header == "$other/$other.h" ]] || echo "src/$room/$file includes $header: only $other/$other.h is for other rooms"
done < "$work/includes" > "$work/err"
none "rooms depend downwards, on a room's own header"

while read -r door header; do
    awk -v door="$door" -v header="$header" '$3 ~ "^(" header ")" && $1 != door {print "src/" $1 "/" $2 " includes " $3}' "$work/includes"
done << DOORS > "$work/err"
comm mpi[.]h
h5 (hdf5|H5.*)[.]h
math (.*intrin|arm_.*)[.]h
image (jpeglib|turbojpeg|png|tiff.*|webp/.*)[.]h
DOORS
none "only comm includes mpi.h, h5 hdf5.h, math vector instructions, image picture libraries"

# kernels are built for sets of instructions that the processor may lack, so nothing outside may get into them, and vectors have one door
awk '$1 == "math" && $2 ~ /^kernels\// && $3 ~ /\// && $3 !~ /^(math\/kernels\/[^\/]*|math\/math[.]h|base\/.*)$/ {
    print "src/math/" $2 " includes " $3}' "$work/includes" > "$work/err"
awk '$1 == "math" && $3 ~ /(intrin|arm_)/ && $2 != "kernels/simd.h" {print "src/math/" $2 " includes " $3}' "$work/includes" >> "$work/err"
grep -rnE '\b_mm(256|512)?_|__builtin_ia32' src --include='*.c' --include='*.h' | grep -v '^src/math/kernels/simd.h:' >> "$work/err"
none "kernels include kernels, math.h and base; simd.h alone vector instructions"

awk '$1 == "models" && $3 !~ /^(shoal|models|base)\// && $3 ~ /\// {print "src/models/" $2 " includes " $3}' "$work/includes" > "$work/err"
none "models are written with the public builder"

library=$(dirname "$shoal")/../libshoal.so
if command -v nm > /dev/null; then
    nm -D --defined-only "$library" | awk '{print $NF}' | grep -v '^shoal_' > "$work/err"
    none "libshoal exports shoal_* only"
    check "libshoal exports shoal_main" grep -qx shoal_main <(nm -D --defined-only "$library" | awk '{print $NF}')
fi
grep -hoE 'shoal_[a-z0-9_]+\(' include/shoal/*.h | tr -d '(' | sort -u > "$work/declared"
grep -hE '^SHOAL_API' include/shoal/*.h | grep -oE 'shoal_[a-z0-9_]+\(' | tr -d '(' | sort -u > "$work/api"
nm -D --defined-only "$library" | awk '{print $NF}' | sort -u > "$work/exported"
comm -23 "$work/api" "$work/exported" | sed 's/$/ is declared and not there/' > "$work/err"
none "everything that the public headers declare is there"

find src include tests jobs datasets slurm \( -name '*.c' -o -name '*.h' -o -name '*.sh' -o -name '*.py' \) -exec wc -l {} + 2> /dev/null |
    awk '$2 != "total" && $1 > 500 {print $2 " has " $1 " lines"}' > "$work/err"
none "no file is longer than 500 lines"
find src -name '*.c' -exec wc -l {} + | awk '$2 != "total" {print $1}' | sort -n |
    awk '{n[NR] = $1} END {m = n[int((NR + 1) / 2)]; if (m >= 150) print "the median is " m}' > "$work/err"
none "files of src have a median below 150 lines"

{ git ls-files 2> /dev/null | grep . || ls; } | cut -d/ -f1 | sort -u |
    grep -vxE '\..*|CMakeLists\.txt|src|include|jobs|datasets|tests|slurm|README\.md|LICENSE|build.*|runs|data' > "$work/err"
none "nothing else at the top level"
finish
