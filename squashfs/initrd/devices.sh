# Kernel modules for the hardware that there is.

load_drivers() {
  modprobe -qab loop dm_mod dm_verity squashfs overlay button evdev
  # Buses first, then what appears on them: until nothing new does.
  known=
  for round in 1 2 3 4; do
    found=$(find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u)
    [ "$found" != "$known" ] || break
    known=$found
    # shellcheck disable=SC2086
    modprobe -qab $found
  done
  stage drivers
}
