# What the runners of mutants share; sourced, with `here` set to the folder of the patches.
# shellcheck shell=bash

root=$(git -C "$here" rev-parse --show-toplevel)
export CARGO_TARGET_DIR=${MUTANTS_TARGET_DIR:-$root/target/mutants} CARGO_INCREMENTAL=0
survived=0 caught=0

# One place for the sources, so that only what a patch touches is built anew. Files are as new as this run: cargo goes by time.
prepare_sources() {
    source=$CARGO_TARGET_DIR/source
    rm -rf "$source" && mkdir -p "$source"
    git -C "$root" archive HEAD | tar -xm -C "$source"
    cd "$source"
}

# Says whether a name contains one of the patterns; without patterns it does.
is_wanted() {
    local name=$1 pattern
    shift
    [ $# -gt 0 ] || return 0
    for pattern in "$@"; do
        [[ $name == *"$pattern"* ]] && return 0
    done
    return 1
}

# Applies each wanted mutant, calls `judge NAME`, and takes it back. `judge` counts in `caught` or `survived`.
each_mutant() {
    local mutant name
    for mutant in "$here"/*.patch; do
        name=$(basename "$mutant" .patch)
        is_wanted "$name" "$@" || continue
        if ! patch --quiet --batch --forward -p1 <"$mutant"; then
            echo "$name: DOES NOT APPLY"
            exit 1
        fi
        judge "$name"
        patch --quiet --batch -R -p1 <"$mutant"
        # A restored file must be newer than what was built from the mutant.
        grep '^+++ b/' "$mutant" | sed 's|^+++ b/||' | xargs touch
    done
}

# The exit status of the runner.
conclude() {
    echo "$caught caught, $survived survived"
    test "$survived" -eq 0 && test "$caught" -gt 0
}
