# What the programs see of the machine, in the lab's own mount namespace; sourced by lib/lab.

# A /dev with a syslog socket of our own to be.
private_dev() {
  local device new=$STATE_ROOT/dev
  mkdir "$new"
  mount -t tmpfs -o mode=755 tmpfs "$new"
  mkdir "$new"/{pts,shm}
  for device in null zero full random urandom tty; do
    touch "$new/$device"
    mount --bind "/dev/$device" "$new/$device"
  done
  ln -s /proc/self/fd "$new/fd"
  ln -s fd/0 "$new/stdin"
  ln -s fd/1 "$new/stdout"
  ln -s fd/2 "$new/stderr"
  mount -t devpts -o newinstance,ptmxmode=0666 devpts "$new/pts"
  ln -s pts/ptmx "$new/ptmx"
  mount -t tmpfs -o mode=1777 tmpfs "$new/shm"
  mount --move "$new" /dev
}

# private_user NAME UID: a user, with the password that every user of the samples has.
private_user() {
  printf '%s:x:%s:%s::/nonexistent:/usr/sbin/nologin\n' "$1" "$2" "$2" >>/etc/passwd
  printf '%s:x:%s:\n' "$1" "$2" >>/etc/group
  printf '%s:%s:1::::::\n' "$1" "$(openssl passwd -6 secret)" >>/etc/shadow
}

private_machine() {
  mkdir -p "$HOME"
  mount -t tmpfs -o mode=755 tmpfs /run
  cp -a /etc "$STATE_ROOT/etc"
  cp -a "$STATE_ROOT/unpacked/etc/." "$STATE_ROOT/etc"
  mount --bind "$STATE_ROOT/etc" /etc
  mount -t overlay -o "lowerdir=$STATE_ROOT/unpacked/usr:/usr" overlay /usr
  rm -f /etc/hosts /etc/resolv.conf
  printf '%s\n' '127.0.0.1 localhost' '10.0.0.1 mail.example.test' >/etc/hosts
  : >/etc/resolv.conf
  private_user vmail 64001
  private_user cyrus 64002
  private_user courier 64003
  private_user alice 64004
  private_user bob 64005
  private_dev
  hostname mail.example.test
}
