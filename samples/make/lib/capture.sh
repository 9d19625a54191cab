# Capturing, always in the namespace "server"; sourced by lib/lab, after network_set.

# capture_start FILE: tcpdump on one device, dumpcap on several.
capture_start() {
  local device options=() tries=100
  if [[ $capture_on != *' '* ]]; then
    ip netns exec server tcpdump --immediate-mode -U -i "$capture_on" -s "$capture_octets" -Z root \
      -w "$1" tcp 2>"$STATE/capture.log" &
  else
    for device in $capture_on; do options+=(-i "$device" -f tcp); done
    ip netns exec server dumpcap -q "${options[@]}" -w "$1" 2>"$STATE/capture.log" &
  fi
  capture_pid=$!
  until [ -s "$1" ] && grep -q 'listening on\|File:' "$STATE/capture.log"; do
    sleep 0.05
    ((tries--)) || { cat "$STATE/capture.log" >&2; return 1; }
  done
}

capture_stop() {
  sleep 0.7
  kill -INT "$capture_pid"
  wait "$capture_pid" || true
}

# capture_write FILE NAME.EXT KEYS: the raw capture as the sample, in the format its name says, with
# its key log beside it or inside.
capture_write() {
  local sample=$samples/$2 stem=$samples/${2%.*} options=()
  rm -f "$stem".pcap "$stem".pcapng "$stem".keys
  case $3 in
    none) ;;
    beside) grep -v '^#' "$KEYLOG" >"$stem.keys" ;;
    inside) options=(--inject-secrets "tls,$KEYLOG") ;;
  esac
  editcap -F "${2##*.}" "${options[@]}" "$1" "$sample"
  [ "${2##*.}" != pcapng ] || "$make/lib/anonymous" "$sample"
}
