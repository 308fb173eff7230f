# configure: a `key=value` file inside the new release.

# configure_holds FILE SETTINGS: the live release's file says exactly this already.
configure_holds() {
  [ -f "releases/$target/$1" ] || return 1
  [ "$("$2")" = "$(cat "releases/$target/$1")" ]
}

# configure FILE SETTINGS: write what the function SETTINGS prints. The release is not live yet.
configure() {
  file=releases/$target/$1
  tool write_settings "$2" "$file"
  unsettled="$unsettled $file"
}

write_settings() {
  "$1" >"$2"
}
