# Runs inside the guest: makes it look like a Raspberry Pi 3 with a camera, and runs the checks on its second serial port.
set -eu
export PYTHONPATH=/opt/packages:/project PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1

# gpiozero asks the board's revision, here a Pi 3B.
{ cat /proc/cpuinfo; printf 'Revision\t: a02082\n'; } >/run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo

# One chip of 54 lines under the name of the Pi's. configfs lists gpio-sim only when it was loaded before the mount.
modprobe gpio-sim
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
pi=/sys/kernel/config/gpio-sim/pi
mkdir -p $pi/bank0
echo 54 >$pi/bank0/num_lines
echo pinctrl-bcm2835 >$pi/bank0/label
echo 1 >$pi/live

systemctl link /project/tests/kernel/guest/beat.service
cd /run
python3 -m pytest -c /dev/null --rootdir /project --noconftest -p no:cacheprovider -v -rP --tb=short --color=no \
    -o python_files='check_*.py' /project/tests/kernel/guest >/dev/ttyS1 2>&1 && result=passed || result=failed
echo "GUEST $result" >/dev/ttyS1
sync
