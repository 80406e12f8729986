#!/usr/bin/env bash
# Gets a public data set from its official home, checks it, and packs it for Shoal.
set -euo pipefail

usage() {
    cat << TEXT
usage: datasets/get.sh NAME [--from FOLDER] [OUT]

NAME    mnist, fashion-mnist, cifar10 or cifar100
FOLDER  where the files lie already: nothing is downloaded, they are checked all the same
OUT     folder for train.h5 and val.h5 (data/NAME)

Downloads are kept in OUT/source. The program is \$SHOAL_BIN, build/bin/shoal, or shoal of the PATH.
TEXT
}

die() {
    echo "get.sh: $2" >&2
    exit "$1"
}

# ---- the sets: files as `SHA-256 name`, and where they are ----

mnist_url=https://ossci-datasets.s3.amazonaws.com/mnist # the mirror of yann.lecun.com, which serves the files no more
mnist_files='440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609 train-images-idx3-ubyte.gz
3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c train-labels-idx1-ubyte.gz
8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6 t10k-images-idx3-ubyte.gz
f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6 t10k-labels-idx1-ubyte.gz'
fashion_url=http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
fashion_files='3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84 train-images-idx3-ubyte.gz
a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845 train-labels-idx1-ubyte.gz
346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073 t10k-images-idx3-ubyte.gz
67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5 t10k-labels-idx1-ubyte.gz'
cifar_url=https://www.cs.toronto.edu/~kriz
cifar10_files='c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd cifar-10-binary.tar.gz'
cifar100_files='58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec cifar-100-binary.tar.gz'

choose_set() {
    classes='' unpacked='' member=''
    case $1 in
        mnist) kind=mnist url=$mnist_url files=$mnist_files ;;
        fashion-mnist)
            kind=mnist url=$fashion_url files=$fashion_files
            classes='T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot'
            ;;
        cifar10) kind=cifar10 url=$cifar_url files=$cifar10_files unpacked=cifar-10-batches-bin member='*_batch*.bin' ;;
        cifar100) kind=cifar100 url=$cifar_url files=$cifar100_files unpacked=cifar-100-binary member='t*.bin' ;;
        *) die 64 "there is no set \"$1\": mnist, fashion-mnist, cifar10, cifar100" ;;
    esac
}

# ---- steps ----

download() {
    local said
    if command -v curl > /dev/null; then
        said=$(curl --fail --location --silent --show-error --retry 3 --output "$2" "$1" 2>&1) || die 74 "$1: ${said##*$'\n'}"
    elif command -v wget > /dev/null; then
        said=$(wget --no-verbose --tries=3 --output-document="$2" "$1" 2>&1) || die 74 "$1: ${said##*$'\n'}"
    else
        die 74 "neither curl nor wget is there to download with"
    fi
}

check_sum() {
    local sum
    read -r sum _ < <(sha256sum < "$2") || die 74 "$2: cannot be read"
    [[ $sum == "$1" ]] || die 65 "$2: a damaged download, or another file: its SHA-256 is $sum, not $1"
}

# A file that is there already and whole is not downloaded again. A new one has its name only once it is checked.
fetch() {
    local sum name
    while read -r sum name; do
        if [[ ! -f $source/$name ]]; then
            echo "downloading $url/$name"
            download "$url/$name" "$source/$name.part"
            check_sum "$sum" "$source/$name.part"
            mv "$source/$name.part" "$source/$name"
        else
            check_sum "$sum" "$source/$name"
        fi
    done <<< "$files"
}

# Whether what file $1 unpacks to is there.
has_unpacked() {
    if [[ -n $unpacked ]]; then
        { compgen -G "$source/$unpacked/$member" || compgen -G "$source/$member"; } > /dev/null
    else
        [[ -f $source/${1%.gz} ]]
    fi
}

# Sums are known of the files as they are published, not of what they unpack to.
check_given() {
    local sum name
    [[ -d $source ]] || die 74 "$source: no such folder"
    while read -r sum name; do
        if [[ -f $source/$name ]]; then
            check_sum "$sum" "$source/$name"
        elif has_unpacked "$name"; then
            echo "$source: $name is unpacked here, so it cannot be verified"
        else
            die 74 "$source/$name: no such file"
        fi
    done <<< "$files"
}

# Archives are unpacked into a folder of their own, so that nothing but what was checked is packed.
unpack() {
    local name
    read -r _ name <<< "$files"
    [[ -n $unpacked && -f $source/$name ]] || return 0
    tar -xzf "$source/$name" -C "$work" --no-same-owner || die 65 "$source/$name: cannot be unpacked"
    source=$work
}

# Class names go beside the files, not into a folder that was given.
name_classes() {
    [[ -n $classes && ! -f $source/classes.txt ]] || return 0
    local name
    while read -r _ name; do
        [[ -f $source/$name ]] || name=${name%.gz}
        ln -s "$(realpath "$source/$name")" "$work/$name"
    done <<< "$files"
    tr ',' '\n' <<< "$classes" > "$work/classes.txt"
    source=$work
}

find_program() {
    local here
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
    shoal=${SHOAL_BIN:-$here/build/bin/shoal}
    [[ -x $shoal ]] || shoal=$(command -v shoal) || die 74 "there is no program shoal: build it first (cmake -S . -B build && cmake --build build)"
}

# ---- command line ----

name='' from='' out=''
while [[ $# -gt 0 ]]; do
    case $1 in
        -h | --help) usage && exit ;;
        --from) [[ $# -ge 2 ]] || die 64 "--from needs a folder" && from=$2 && shift ;;
        -*) die 64 "there is no option \"$1\"; datasets/get.sh --help lists them" ;;
        *) if [[ -z $name ]]; then name=$1; elif [[ -z $out ]]; then out=$1; else die 64 "\"$1\" is one word too many"; fi ;;
    esac
    shift
done
[[ -n $name ]] || { usage >&2; exit 64; }
choose_set "$name"
find_program
out=${out:-data/$name}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -n $from ]]; then
    source=$from
    check_given
else
    source=$out/source
    mkdir -p "$source" || die 74 "$source: cannot be made"
    fetch
fi
unpack
name_classes
"$shoal" pack "$kind" "$source" "$out"
