#!/bin/sh
# Stops the service when the package goes, but not when a newer one takes its
# place: dpkg says "remove", rpm says how many are left.
set -e
if [ -d /run/systemd/system ] && { [ "$1" = remove ] || [ "$1" = 0 ]; }; then
  systemctl disable --now tipoff.service || true
fi
