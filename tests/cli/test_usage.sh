#!/usr/bin/env bash
# Command lines: help everywhere, nearest names for what is misspelt, exit codes.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

try "$shoal"
expect "no arguments" 0 'shoal train'
try "$shoal" --version
expect "version" 0 '^shoal [0-9]+\.[0-9]+'
for sub in train eval predict pack model inspect digest bench; do
    try "$shoal" "$sub" --help
    expect "$sub --help" 0 '^Example:'
    check "$sub --help: example uses it" grep -q "^  .*shoal $sub" "$work/out"
    cp "$work/out" "$work/first"
    try "$shoal" help "$sub"
    check "help $sub: the same text" cmp -s "$work/first" "$work/out"
done
try_ranks 2 "$shoal" train --help
check "help under mpirun is printed once" test "$(grep -c '^Example:' "$work/out")" = 1

try "$shoal" trian
refused "misspelt subcommand" 64 'did you mean "train"'
try "$shoal" help evla
refused "help for a misspelt subcommand" 64 'did you mean "eval"'
try "$shoal" --verbose
refused "option without a subcommand" 64 'unknown option --verbose'
try "$shoal" train job.yaml --resum
refused "train: abbreviated option, no job" 74 'job.yaml'
try "$shoal" train job.yaml --rezume
refused "train: misspelt option" 64 'did you mean --resume'
try "$shoal" train
refused "train: no job" 64 'usage'
try "$shoal" train job.yaml banana
refused "train: no override" 64 'banana.*section.key=value'
try "$shoal" eval
refused "eval: no checkpoint" 64 'usage'
try "$shoal" eval a.h5 b.h5 c.h5
refused "eval: too many arguments" 64 'c.h5'
try "$shoal" eval a.h5 --batch
refused "eval: value missing" 64 '--batch needs a value'
try "$shoal" eval a.h5 --batch many
refused "eval: no number" 64 '--batch "many"'
try "$shoal" eval a.h5 --batch 0
refused "eval: number out of range" 64 'from 1'
try "$shoal" pack folder a b --strict=yes
refused "pack: value for a flag" 64 'takes no value'
try "$shoal" pack glyfs "$work/x"
refused "pack: misspelt kind" 64 'did you mean "glyphs"'
try "$shoal" pack mnist "$work/x"
refused "pack: folder missing" 64 'DIR OUT'
try "$shoal" pack mnist "$work/nowhere" "$work/x"
refused "pack: no such folder" 74 'nowhere'
try "$shoal" bench --batch 4
refused "bench: no model" 64 '--model'
try "$shoal" bench --model resnet51
refused "bench: misspelt model" 64 'did you mean "resnet50"'
try "$shoal" digest "$work/nothing.h5"
refused "digest: no file" 74 'nothing.h5'
try "$shoal" inspect "$work/nothing.h5"
refused "inspect: no file" 74 'nothing.h5'
try "$shoal" eval a.h5 --batch " 4"
refused "eval: a space before the number" 64 '--batch " 4"'
try "$shoal" eval a.h5 --batch 0x10
refused "eval: a hexadecimal number" 64 '--batch "0x10"'
try "$shoal" pack folder a b --val-share nan
refused "pack: no finite number" 64 '--val-share "nan"'
try "$shoal" model vgg11 "dropout= 0.5"
refused "model: a space before the number" 64 'dropout= 0\.5'
for variable in SHOAL_ISA=fast SHOAL_RANKS_PER_NODE=two SHOAL_PIECE_BYTES=-1 SHOAL_END_TIME=soon SLURM_NTASKS=4x SLURM_MEM_PER_NODE=much; do
    try env "$variable" "$shoal" model
    refused "the environment: $variable" 64 "${variable%=*}"
done
OMP_NUM_THREADS=many try "$shoal" bench --model lenet5
expect "no number of threads" 64 '^shoal: OMP_NUM_THREADS' # OpenMP complains as well

for n in 2 4; do
    try_ranks $n "$shoal" train job.yaml --rezume
    refused "train on $n ranks: misspelt option" 64 'did you mean --resume'
    try_ranks $n "$shoal" bench --model resnet51
    refused "bench on $n ranks: misspelt model" 64 'did you mean "resnet50"'
    try_ranks $n "$shoal" trian
    refused "misspelt subcommand on $n ranks" 64 'did you mean "train"'
    try_ranks $n "$shoal" digest "$work/nothing.h5"
    refused "digest on $n ranks" 74 'nothing.h5'
done

# ranks that were started with different words: nobody waits for them for ever, whether they would start MPI or not
others=("train job.yaml --resume" "train job.yaml --bogus" "eval a.h5 b.h5" "trian job.yaml" "train --help")
for other in "${others[@]}"; do
    # shellcheck disable=SC2086 # words
    try_ranks 1 "$shoal" train job.yaml : -np 1 "$shoal" $other
    refused "train beside $other" 64 'ranks were started with different command lines: argument [123] is '
done
try_ranks 1 "$shoal" --version : -np 1 "$shoal" train job.yaml
refused "train beside --version on rank 0" 64 'argument 1 is "train" here and "--version" on rank 0'
finish
