# The networks of the samples, in namespaces; sourced by lib/lab.
#
#   client (10.0.0.5, fd00::5) -- lan0 -- (10.0.0.1, fd00::1) server (10.0.1.1) -- lan1 -- (10.0.1.2) backend
#   client (10.0.2.5) -- lan2 -- wire -- lan3 -- (10.0.2.1) server, where "wire" is a bad one

# link DEVICE NAMESPACE MAC DEVICE NAMESPACE MAC: a veth pair with every offload off, so that what
# is captured is what a wire would carry.
link() {
  ip link add "$1" netns "$2" address "$3" type veth peer name "$4" netns "$5" address "$6"
  link_end "$1" "$2"
  link_end "$4" "$5"
}

link_end() {
  ip netns exec "$2" ethtool -K "$1" rx off tx off sg off tso off gso off gro off >/dev/null
  ip -n "$2" link set "$1" up
}

network_make() {
  local space
  for space in client server backend wire; do
    ip netns add "$space"
    ip netns exec "$space" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
    ip -n "$space" link set lo up
  done
  link lan0 client 02:00:00:00:00:05 lan0 server 02:00:00:00:00:01
  link lan1 server 02:00:00:00:01:01 lan1 backend 02:00:00:00:01:02
  link lan2 client 02:00:00:00:02:05 lan2 wire 02:00:00:00:02:06
  link lan3 wire 02:00:00:00:02:07 lan3 server 02:00:00:00:02:01
  ip -n client addr add 10.0.0.5/24 dev lan0
  ip -n server addr add 10.0.0.1/24 dev lan0
  ip -n server addr add 10.0.1.1/24 dev lan1
  ip -n backend addr add 10.0.1.2/24 dev lan1
  ip -n client addr add 10.0.2.5/24 dev lan2
  ip -n server addr add 10.0.2.1/24 dev lan3
  ip -n client route add 10.0.1.0/24 via 10.0.0.1
  ip -n backend route add 10.0.0.0/24 via 10.0.1.1
  ip netns exec server sysctl -qw net.ipv4.ip_forward=1
}

# network_set WORD…: the network column of the table. Sets where the client finds the server (HOST,
# URLHOST), where the two run (client_space, server_space) and how the capture is made (capture_*),
# which is always in the namespace "server".
network_set() {
  local word mtu=1500 space
  HOST=10.0.0.1 URLHOST=10.0.0.1 client_space=client server_space=server
  capture_on=lan0 capture_after=0 capture_octets=0 wire_seed=
  for word in "$@"; do
    case $word in
      v4) ;;
      v6) HOST=fd00::1 URLHOST='[fd00::1]' ;;
      mtu=*) mtu=${word#mtu=} ;;
      both-legs) capture_on='lan0 lan1' ;;
      loopback) HOST=127.0.0.1 URLHOST=127.0.0.1 client_space=server capture_on=lo ;;
      any) capture_on=any ;;
      routed) HOST=10.0.1.2 URLHOST=10.0.1.2 server_space=backend ;;
      bad-wire=*) HOST=10.0.2.1 URLHOST=10.0.2.1 capture_on=lan3 wire_seed=${word#bad-wire=} ;;
      late=*) capture_after=${word#late=} ;;
      snaplen=*) capture_octets=${word#snaplen=} ;;
      *) say "no such network: $word"; return 1 ;;
    esac
  done
  for space in client server; do ip -n "$space" link set lan0 mtu "$mtu"; done
  if ((mtu >= 1280)); then # the kernel takes IPv6 away below that
    ip -n client addr replace fd00::5/64 dev lan0 nodad
    ip -n server addr replace fd00::1/64 dev lan0 nodad
  fi
  export HOST URLHOST
}
