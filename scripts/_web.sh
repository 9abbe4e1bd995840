# shellcheck shell=sh
# Sourced by scripts/mesh, scripts/web and scripts/test, after _venv.sh: builds the phone's app, web/, into the package, where
# a Node that is new enough is at hand. POSIX sh. Everything it says goes to stderr. It never fetches a Node.
#
# It gives:   find_node         sets node and npm, or fails
#             web_packages      what web/package-lock.json lists, once
#             build_web         builds it, whole or not at all
#             ensure_web        the same where sources changed; without a Node it says so, once, and nothing fails
#
# The stamp holds the sum of all sources, and which Node built them, or why nothing was built. It is compared only where
# a file is younger than it.

web=$root/web
static=$root/mesh/node/gateway/static
web_made=$web/build/.made

_web_sources() {
    printf '%s\n' "$web/engine" "$web/ui" "$web/making" "$web/public" "$web/index.html" "$web/sw.ts" \
        "$web/vite.config.ts" "$web/tsconfig.json" "$web/package-lock.json"
}

_web_sum() {
    # shellcheck disable=SC2046 # no path of ours has a space beneath web/, and $root is left by then
    (cd "$web" && find engine ui making public index.html sw.ts vite.config.ts tsconfig.json package-lock.json \
        -type f -exec cksum {} + | LC_ALL=C sort -k 3 | cksum)
}

# Vite wants 20.19 or 22.12.
_good_node() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' >/dev/null 2>&1
}

find_node() {
    for node in "$venv/bin/node" "$(command -v node)"; do
        [ -n "$node" ] && [ -x "$node" ] && _good_node "$node" || continue
        npm=$(dirname "$node")/npm
        [ -x "$npm" ] || npm=$(command -v npm) || continue
        return 0
    done
    return 1
}

web_packages() {
    _listed=$(cksum < "$web/package-lock.json")
    [ -r "$web/node_modules/.made" ] && [ "$(cat "$web/node_modules/.made")" = "$_listed" ] && return 0
    _say "installing what web/package-lock.json lists"
    PATH=$(dirname "$node"):$PATH "$npm" ci --prefix "$web" --silent --no-audit --no-fund >&2 || return 1
    printf '%s\n' "$_listed" > "$web/node_modules/.made"
}

build_web() {
    _new=$web/build/static.$$
    mkdir -p "$web/build" && : > "$web_made.$$" || return 1
    _sum=$(_web_sum)
    web_packages && (cd "$web" && MESH_STATIC=$_new "$node" node_modules/vite/bin/vite.js build >&2) || {
        rm -rf "$_new" "$web_made.$$"
        return 1
    }
    rm -rf "$static" && mv "$_new" "$static" || return 1
    # As old as the first look at the sources: what changed meanwhile is younger.
    printf '%s\n%s\n' "$_sum" "$node" > "$web_made" && touch -r "$web_made.$$" "$web_made" && rm -f "$web_made.$$"
}

_web_fresh() {
    [ -r "$web_made" ] || return 1
    # shellcheck disable=SC2046
    IFS='
'
    set -- $(_web_sources)
    unset IFS
    if [ -n "$(find "$@" -newer "$web_made" 2>/dev/null | head -n 1)" ]; then
        [ "$(head -n 1 "$web_made")" = "$(_web_sum)" ] || return 1
        touch "$web_made"
    fi
    [ -d "$static" ] && return 0
    # Nothing was built: another try only where there is another Node.
    [ "$(tail -n 1 "$web_made")" = "not built: $(command -v node)" ]
}

_web_missing() {
    mkdir -p "$web/build" && printf '%s\nnot built: %s\n' "$(_web_sum)" "$(command -v node)" > "$web_made"
}

ensure_web() {
    [ -r "$web/package-lock.json" ] || return 0 # an installed mesh brings the app along
    _web_fresh && return 0
    if ! find_node; then
        _say "the app for phones is not built: it needs Node 20.19 or later, and npm. All else works."
        _web_missing
        return 0
    fi
    _acquire
    if ! _web_fresh && { _say "building the app for phones"; ! build_web; }; then
        _say "the app for phones could not be built, the lines above say why. All else works; scripts/web tries again."
        _web_missing
    fi
    _release
    trap - EXIT HUP INT TERM
}
