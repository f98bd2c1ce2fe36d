#!/bin/sh
# Builds the Linux guest of the kernel tests into a folder: kernel, initrd and a root image with Python, OpenCV and lgpio.
# Usage: build_guest.sh FOLDER, with PYTHON naming a Python 3.11 that has pip. Needs root, a Debian 12 with network, and the packages that missing() of guest_machine.py names.
# Takes about 5 minutes once; a folder that is complete is left alone; remove it to build anew.
set -eu

folder=$(realpath -m "$1")
here=$(dirname "$(realpath "$0")")
python=${PYTHON:-python3}
release=bookworm
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $release" | head -n 1)}
parts="vmlinuz initrd.gz root.ext4"

complete() { for part in $parts; do [ -s "$folder/$part" ] || return 1; done; }
complete && exit 0

mkdir -p "$folder/work"
cd "$folder/work"
rm -rf kernel sim root initrd

# The kernel, and its version, from the package that linux-image-amd64 stands for.
package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ {print $2; exit}')
version=${package#linux-image-}
[ -d "/usr/src/linux-headers-$version" ] || { echo "no headers of $version: apt-get install linux-headers-amd64" >&2; exit 1; }
apt-get -q download "$package" linux-source-6.1 busybox-static
dpkg-deb -x "$package"_*.deb kernel
cp "kernel/boot/vmlinuz-$version" "$folder/vmlinuz"

# gpio-sim is in the kernel's source and not in Debian's configuration. irq_sim is neither, so it becomes part of the
# module, and looks its descriptor up by an exported function.
mkdir sim
dpkg-deb --fsys-tarfile linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz | tar -xJ -C sim \
    --strip-components=3 linux-source-6.1/drivers/gpio/gpio-sim.c linux-source-6.1/drivers/gpio/gpiolib.h \
    linux-source-6.1/kernel/irq/irq_sim.c
mv sim/gpio-sim.c sim/gpio_sim_main.c
sed -i -e '/EXPORT_SYMBOL/d' -e 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/' \
    -e 's,#include <linux/irq.h>,&\n#include <linux/irqdesc.h>,' sim/irq_sim.c
printf 'obj-m := gpio-sim.o\ngpio-sim-y := gpio_sim_main.o irq_sim.o\n' >sim/Kbuild
make -s -C "/usr/src/linux-headers-$version" M="$PWD/sim" modules
modules="kernel/lib/modules/$version"
install -D -m 644 sim/gpio-sim.ko "$modules/extra/gpio-sim.ko"
depmod -b kernel "$version"

# The root: Debian with systemd, and the Python packages of the lane unit.
debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,kmod,python3,libgomp1 "$release" root "$mirror"
"$python" -m pip install -q --target root/opt/packages --only-binary :all: \
    opencv-python-headless numpy requests pytest colorzero lgpio gpiozero
mkdir -p "root/lib/modules/$version" root/project
for kind in kernel/drivers/media kernel/fs/9p kernel/net/9p kernel/fs/configfs \
    kernel/fs/netfs kernel/fs/fscache kernel/drivers/virtio extra; do
    mkdir -p "root/lib/modules/$version/$kind"
    [ ! -d "$modules/$kind" ] || cp -r "$modules/$kind/." "root/lib/modules/$version/$kind/"
done
cp "$modules"/modules.builtin* "$modules/modules.order" "root/lib/modules/$version/"
depmod -b root "$version"
cp "$here/guest/guest.service" root/etc/systemd/system/

mke2fs -q -t ext4 -d root -L root "$folder/root.ext4.part" 1600M

# The smallest initrd that finds the root on virtio.
mkdir -p initrd/bin initrd/modules initrd/root initrd/proc initrd/dev
dpkg-deb --fsys-tarfile busybox-static_*.deb | tar -xO ./bin/busybox >initrd/bin/busybox
chmod 755 initrd/bin/busybox
{
    echo '#!/bin/busybox sh'
    echo 'busybox mount -t devtmpfs dev /dev'
    for wanted in virtio_pci virtio_blk ext4 crc32c_generic; do
        modprobe -d kernel -S "$version" --show-depends "$wanted" | awk '$1 == "insmod" {print $2}'
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$module" initrd/modules/
        echo "busybox insmod /modules/$(basename "$module")"
    done
    echo 'while [ ! -b /dev/vda ]; do busybox sleep 0.1; done'
    echo 'busybox mount -t ext4 /dev/vda /root'
    echo 'busybox mount --move /dev /root/dev'
    echo 'exec busybox switch_root /root /sbin/init'
} >initrd/init
chmod 755 initrd/init
(cd initrd && find . | cpio -o -H newc --quiet) | gzip -1 >"$folder/initrd.gz"
mv "$folder/root.ext4.part" "$folder/root.ext4"
rm -rf "$folder/work"
