#!/usr/bin/env bash
# shoal model: totals as in the papers and in torchvision's documentation.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

try "$shoal" model
expect "list" 0 'resnet20'
check "list: a line a model" test "$(grep -c '^  ' "$work/out")" -ge 19

# name, parameters (torchvision; He et al. 2015 for the small ones, with their 1x1-free shortcuts), multiply-adds in G
while read -r name params gmacs; do
    try "$shoal" model "$name"
    expect "$name" 0 "^total +$params "
    [[ -z $gmacs ]] || expect "$name" 0 "^One picture, forward: $gmacs G multiply-adds"
done << TABLE
lenet5 61,706
vgg11 132,863,336 7\.6[01]
vgg16 138,357,544 15\.4[78]
vgg16_bn 138,365,992 15\.4[78]
vgg19_bn 143,678,248 19\.6[34]
resnet18 11,689,512 1\.81
resnet34 21,797,672 3\.66
resnet50 25,557,032 4\.09
resnet101 44,549,160 7\.80
resnet152 60,192,808 11\.51
resnet20 269,722
resnet110 1,727,962 0\.25
TABLE

try "$shoal" model resnet50 --classes 10
expect "resnet50, 10 classes" 0 '^total +23,528,522 '
try "$shoal" model resnet50
check "resnet50: a row of the table" grep -qE '^layer1\.0\.conv1 .*64 x 56 x 56 +4,096 +12,845,056' "$work/out"
try "$shoal" model resnet50 --size 64
check "resnet50 at 64: the last plane" grep -qE '^layer4\.2.* 2048 x 2 x 2' "$work/out"
try "$shoal" model resnet50 zero_init_residual=true
expect "option" 0 '^total +25,557,032 '
expect "its row" 0 '^  zero_init_residual: false: '

try "$shoal" model resnet18 --channels 6
expect "pictures of six channels" 0 '^total +11,698,920 '
try "$shoal" model resnet51
refused "misspelt model" 64 'did you mean "resnet50"'
try "$shoal" model resnet50 zero_init_residul=1
refused "misspelt option" 64 'did you mean "zero_init_residual"'
try "$shoal" model vgg11 dropout=much
refused "option that is no number" 64 'dropout=much'
try "$shoal" model vgg11 dropout=2
refused "option out of range" 64 'dropout'
try "$shoal" model vgg11 --size 16
refused "pictures too small" 64 'features\..* plane'
finish
