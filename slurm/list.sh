# Lists of overrides: a line is what one task adds to the job. Words are split and quoted as bash does it, and `#` begins a comment where a
# word could begin. Nothing is expanded: what bash would expand or run ($, `, ~, ;, |, &, <, >, parentheses) has to stand in single quotes;
# braces, brackets and * mean themselves.
# shellcheck shell=bash disable=SC2154 # job: of the script that reads this file

# split_words LINE: sets the array `split`; or `wrong`, and fails.
split_words() {
    local line=$1 c next word='' open=no quote='' i
    split=() wrong=''
    for ((i = 0; i < ${#line}; i++)); do
        c=${line:i:1} next=${line:i+1:1}
        if [[ $quote == "'" && $c != "'" ]]; then
            word+=$c
        elif [[ -n $quote && $c == "$quote" ]]; then
            quote=''
        elif [[ $c == [\$\`] || (-z $quote && $c == [\;\|\&\<\>\(\)]) ]]; then
            wrong="$c outside single quotes: nothing is expanded or run here" && return 1
        elif [[ $c == \\ && (-z $quote || $next == [\\\"\$\`]) ]]; then
            [[ -n $next ]] || { wrong='a backslash at its end'; return 1; }
            word+=$next open=yes
            ((i++))
        elif [[ -n $quote ]]; then
            word+=$c
        elif [[ $c == '~' && ($open == no || $word == *[=:]) ]]; then
            wrong="~ outside quotes: no folder is put in its place here" && return 1
        elif [[ $c == [\'\"] ]]; then
            quote=$c open=yes
        elif [[ $c == [[:space:]] ]]; then
            [[ $open == no ]] || split+=("$word")
            word='' open=no
        elif [[ $c == '#' && $open == no ]]; then
            break
        else
            word+=$c open=yes
        fi
    done
    [[ -z $quote ]] || { wrong="a $quote that is not closed"; return 1; }
    [[ $open == no ]] || split+=("$word")
}

# no_override WORD…: prints the first word that is none, such as an option, which would make another command of the task's.
no_override() {
    local word
    for word in "$@"; do
        [[ $word == [!=-]*=* ]] || { echo "\"$word\" is no override of the form key=value"; return; }
    done
    return 1
}

# name_of WORD…: a file's name that tells the words. Where not all of them can stand in one, their checksum makes it theirs alone.
name_of() {
    local IFS=, text plain
    text="$*"
    plain=$(printf '%s\n' "$@" | LC_ALL=C sed 's/[^A-Za-z0-9._=+-]\{1,\}/-/g' | paste -sd ,)
    if [[ $plain != "$text" || $plain == [.-]* || ${#plain} -gt 100 ]]; then
        plain=$(sed 's/^[.-]*//' <<< "${plain:0:90}")-$(printf '%s\n' "$@" | sha256sum | cut -c 1-8)
    fi
    echo "$plain"
}

# read_list FILE: sets `tasks`, the lines that say something, and `names`, their runs: a line keeps its run wherever it stands.
read_list() {
    local line number=0 name
    declare -A seen=()
    tasks=() names=()
    while IFS= read -r line || [[ -n $line ]]; do
        number=$((number + 1))
        split_words "$line" || die 64 "$1, line $number: $wrong"
        [[ ${#split[@]} -gt 0 ]] || continue
        ! wrong=$(no_override "${split[@]}") || die 64 "$1, line $number: $wrong"
        name=$(name_of "${split[@]}")
        [[ -z ${seen[$name]:-} ]] || die 64 "$1, line $number: says the same as line ${seen[$name]}"
        seen[$name]=$number
        tasks+=("${line%$'\r'}")
        names+=("$name")
    done < "$1"
    [[ ${#tasks[@]} -gt 0 ]] || die 64 "$1: has no line of overrides"
}

# check_tasks WORD…: the program reads the job as each task will, with these words before its own.
check_tasks() {
    local task said
    for task in "${tasks[@]}"; do
        split_words "$task"
        said=$("$SHOAL" train "$job" "$@" "${split[@]}" --check 2>&1 > /dev/null) || die 64 "$task: ${said#shoal: }"
    done
}
