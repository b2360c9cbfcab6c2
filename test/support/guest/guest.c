/*
 * The test guest: the only process of a virtual machine (its /init). It shows a known picture,
 * reports every input event on the serial line, and answers the SPICE agent's clipboard.
 *
 * Printed on ttyS0, one event a line:
 *   READY width height            the picture is shown
 *   MODE width height             the display has another size now
 *   KEY code value                evdev key (linux/input-event-codes.h); 1 down, 0 up, 2 repeat
 *   POS x y                       absolute pointer, 0 to 32767
 *   REL x y                       wheel or relative pointer
 *   STARTED | INPUT name           an input device was found
 *   AGENT connected | MONITORS width height | CLIP text
 * Read from ttyS0: "move", "still", "copy TEXT", "tone HERTZ".
 *
 * The picture: four quadrants (red, green, blue, yellow) around a block in the middle, which is
 * black and turns white while any key is down. "move" scrolls the quadrants at the rate of the
 * kernel parameter guest.fps (default 30).
 */
#define _GNU_SOURCE
#include <drm.h>
#include <drm_mode.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 128
#define MAX_INPUTS 16

static int card = -1, agent = -1, speaker = -1;
static int inputs[MAX_INPUTS], input_count;
static uint32_t connector, crtc, framebuffer, handle;
static uint32_t width, height, pitch, *pixels, *picture;
static size_t mapped;
static int moving, pressed, fps = 30, offset;
static char copied[4096];

static long long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void load_modules(void)
{
	/* Numbered in the order of their dependencies. */
	for (int index = 0; index < 1000; index++) {
		char path[64];
		snprintf(path, sizeof path, "/modules/%03d.ko", index);
		int file = open(path, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return;
		if (syscall(SYS_finit_module, file, "", 0) < 0 && errno != EEXIST)
			printf("MODULE %s failed: %s\n", path, strerror(errno));
		close(file);
	}
}

/* ---- picture ---- */

static uint32_t colour_at(uint32_t x, uint32_t y)
{
	static const uint32_t quadrants[] = { 0xff0000, 0x00ff00, 0x0000ff, 0xffff00 };
	uint32_t base = quadrants[(y >= height / 2) * 2 + (x % width >= width / 2)];
	/* Fine detail below the corners' pure colour, so that codecs have work as with a desktop. */
	return ((x ^ y) & 31) < 3 && x % 256 > 64 && y % 256 > 64 ? base ^ 0x00202020 * (x & 3) : base;
}

static void paint_picture(void)
{
	free(picture);
	picture = malloc((size_t)width * 2 * height * 4);
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width * 2; x++)
			picture[(size_t)y * width * 2 + x] = colour_at(x, y);
}

static void flush(uint32_t x1, uint32_t y1, uint32_t x2, uint32_t y2)
{
	struct drm_clip_rect rect = { x1, y1, x2, y2 };
	struct drm_mode_fb_dirty_cmd dirty = {
		.fb_id = framebuffer, .num_clips = 1, .clips_ptr = (uintptr_t)&rect,
	};
	ioctl(card, DRM_IOCTL_MODE_DIRTYFB, &dirty);
}

static void paint_block(void)
{
	uint32_t left = (width - BLOCK) / 2, top = (height - BLOCK) / 2;
	for (uint32_t y = top; y < top + BLOCK; y++)
		for (uint32_t x = left; x < left + BLOCK; x++)
			pixels[y * (pitch / 4) + x] = pressed > 0 ? 0xffffff : 0x000000;
}

static void paint(void)
{
	for (uint32_t y = 0; y < height; y++)
		memcpy(pixels + y * (pitch / 4), picture + (size_t)y * width * 2 + offset, width * 4);
	paint_block();
	flush(0, 0, width, height);
}

static int show(uint32_t wanted_width, uint32_t wanted_height, struct drm_mode_modeinfo *mode)
{
	struct drm_mode_create_dumb create = {
		.width = wanted_width, .height = wanted_height, .bpp = 32,
	};
	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &create) < 0)
		return -1;
	struct drm_mode_fb_cmd fb = {
		.width = wanted_width, .height = wanted_height, .pitch = create.pitch,
		.bpp = 32, .depth = 24, .handle = create.handle,
	};
	struct drm_mode_map_dumb map = { .handle = create.handle };
	if (ioctl(card, DRM_IOCTL_MODE_ADDFB, &fb) < 0 || ioctl(card, DRM_IOCTL_MODE_MAP_DUMB, &map) < 0)
		return -1;
	uint32_t *memory = mmap(NULL, create.size, PROT_READ | PROT_WRITE, MAP_SHARED, card, map.offset);
	if (memory == MAP_FAILED)
		return -1;
	struct drm_mode_crtc set = {
		.crtc_id = crtc, .fb_id = fb.fb_id, .set_connectors_ptr = (uintptr_t)&connector,
		.count_connectors = 1, .mode = *mode, .mode_valid = 1,
	};
	if (ioctl(card, DRM_IOCTL_MODE_SETCRTC, &set) < 0)
		return -1;
	if (framebuffer != 0) {
		struct drm_mode_destroy_dumb destroy = { .handle = handle };
		munmap(pixels, mapped);
		ioctl(card, DRM_IOCTL_MODE_RMFB, &framebuffer);
		ioctl(card, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy);
	}
	framebuffer = fb.fb_id;
	handle = create.handle;
	pixels = memory;
	mapped = create.size;
	pitch = create.pitch;
	width = wanted_width;
	height = wanted_height;
	offset = 0;
	paint_picture();
	paint();
	return 0;
}

/* Takes the mode that the display prefers, when that changed. */
static void follow_display(void)
{
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_get_connector get = { .connector_id = connector };
	if (ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get) < 0 || get.count_modes == 0)
		return;
	if (get.count_modes > 64)
		get.count_modes = 64;
	get.modes_ptr = (uintptr_t)modes;
	get.count_encoders = get.count_props = 0;
	if (ioctl(card, DRM_IOCTL_MODE_GETCONNECTOR, &get) < 0)
		return;
	struct drm_mode_modeinfo *best = &modes[0];
	for (uint32_t index = 0; index < get.count_modes && index < 64; index++)
		if (modes[index].type & DRM_MODE_TYPE_PREFERRED) {
			best = &modes[index];
			break;
		}
	if (best->hdisplay == width && best->vdisplay == height)
		return;
	int first = width == 0;
	if (show(best->hdisplay, best->vdisplay, best) == 0)
		printf("%s %u %u\n", first ? "READY" : "MODE", width, height);
	else
		printf("ERROR mode %ux%u: %s\n", best->hdisplay, best->vdisplay, strerror(errno));
}

static void open_display(void)
{
	for (int attempt = 0; attempt < 100 && card < 0; attempt++) {
		card = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
		if (card < 0)
			usleep(100000);
	}
	uint32_t crtcs[8], connectors[8];
	struct drm_mode_card_res resources = {
		.crtc_id_ptr = (uintptr_t)crtcs, .connector_id_ptr = (uintptr_t)connectors,
		.count_crtcs = 8, .count_connectors = 8,
	};
	if (card < 0 || ioctl(card, DRM_IOCTL_MODE_GETRESOURCES, &resources) < 0 ||
	    resources.count_crtcs == 0 || resources.count_connectors == 0) {
		printf("ERROR no display\n");
		return;
	}
	crtc = crtcs[0];
	connector = connectors[0];
	follow_display();
}

/* ---- input ---- */

/* Devices appear while the kernel probes them: looked for again from time to time. */
static void open_inputs(void)
{
	static int seen[32];
	for (int index = 0; index < 32 && input_count < MAX_INPUTS; index++) {
		char path[64];
		unsigned long bits = 0;
		if (seen[index])
			continue;
		snprintf(path, sizeof path, "/dev/input/event%d", index);
		int file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (file < 0)
			continue;
		seen[index] = 1;
		ioctl(file, EVIOCGBIT(0, sizeof bits), &bits);
		if (bits & (1ul << EV_SND))
			speaker = file;
		else
			inputs[input_count++] = file;
		char name[128] = "";
		ioctl(file, EVIOCGNAME(sizeof name), name);
		printf("INPUT %s\n", name);
	}
}

static void read_input(int file)
{
	struct input_event events[64];
	static int x, y, position;
	ssize_t length = read(file, events, sizeof events);
	for (ssize_t index = 0; index * (ssize_t)sizeof *events < length; index++) {
		struct input_event *event = &events[index];
		if (event->type == EV_KEY) {
			if (event->value != 2 && event->code < BTN_MISC) {
				pressed += event->value ? 1 : -1;
				if (framebuffer != 0) {
					paint_block();
					flush((width - BLOCK) / 2, (height - BLOCK) / 2, (width + BLOCK) / 2, (height + BLOCK) / 2);
				}
			}
			printf("KEY %u %d\n", event->code, event->value);
		} else if (event->type == EV_REL) {
			printf("REL %u %d\n", event->code, event->value);
		} else if (event->type == EV_ABS && event->code <= ABS_Y) {
			*(event->code == ABS_X ? &x : &y) = event->value;
			position = 1;
		} else if (event->type == EV_SYN && position) {
			printf("POS %d %d\n", x, y);
			position = 0;
		}
	}
}

static void tone(int hertz)
{
	struct input_event event = { .type = EV_SND, .code = SND_TONE, .value = hertz };
	if (speaker < 0 || write(speaker, &event, sizeof event) < 0)
		printf("ERROR no speaker\n");
}

/* ---- SPICE agent (spice/vd_agent.h): chunk header, message header, body ---- */

struct __attribute__((packed)) agent_header {
	uint32_t port, chunk, protocol, type;
	uint64_t opaque;
	uint32_t size;
};

enum { MONITORS_CONFIG = 2, CLIPBOARD = 4, ANNOUNCE = 6, GRAB = 7, REQUEST = 8 };

static void agent_send(uint32_t type, const void *body, uint32_t size)
{
	char message[sizeof(struct agent_header) + 4096];
	struct agent_header header = { 1, size + 20, 1, type, 0, size };
	memcpy(message, &header, sizeof header);
	memcpy(message + sizeof header, body, size);
	if (write(agent, message, sizeof header + size) < 0)
		printf("ERROR agent write: %s\n", strerror(errno));
}

static void agent_announce(uint32_t request)
{
	/* monitors config, reply, clipboard by demand, clipboard selection */
	uint32_t body[] = { request, 1u << 1 | 1u << 2 | 1u << 5 | 1u << 6 };
	agent_send(ANNOUNCE, body, sizeof body);
}

static void open_agent(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	if (ports == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(ports)) != NULL;) {
		char path[320], name[64] = "";
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
		FILE *file = fopen(path, "r");
		if (file == NULL)
			continue;
		if (fgets(name, sizeof name, file) != NULL && strncmp(name, "com.redhat.spice.0", 18) == 0) {
			snprintf(path, sizeof path, "/dev/%s", entry->d_name);
			agent = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		}
		fclose(file);
	}
	closedir(ports);
	if (agent >= 0)
		agent_announce(1);
}

static void agent_message(uint32_t type, const char *body, uint32_t size)
{
	const uint32_t *words = (const uint32_t *)body;
	if (type == ANNOUNCE && size >= 4) {
		printf("AGENT connected\n");
		if (words[0])
			agent_announce(0);
	} else if (type == MONITORS_CONFIG && size >= 16) {
		printf("MONITORS %u %u\n", words[3], words[2]);
	} else if (type == GRAB) {
		uint32_t request[] = { 0, 1 };
		agent_send(REQUEST, request, sizeof request);
	} else if (type == CLIPBOARD && size >= 8) {
		printf("CLIP %.*s\n", (int)(size - 8), body + 8);
	} else if (type == REQUEST) {
		char reply[8 + sizeof copied] = { 0, 0, 0, 0, 1 };
		memcpy(reply + 8, copied, strlen(copied));
		agent_send(CLIPBOARD, reply, 8 + strlen(copied));
	}
}

static void read_agent(void)
{
	/* Bodies may come in several chunks: the second and later ones have a chunk header only. */
	static char message[1 << 20];
	static uint32_t have;
	char chunk[4096 + 8];
	static uint32_t filled;
	static char raw[1 << 16];
	ssize_t length = read(agent, raw + filled, sizeof raw - filled);
	if (length == 0)
		have = filled = 0; /* the client went away in the middle of a message */
	if (length <= 0)
		return;
	filled += length;
	for (;;) {
		uint32_t size;
		if (filled < 8)
			return;
		memcpy(&size, raw + 4, 4);
		if (size > sizeof chunk || filled < 8 + size)
			return;
		if (have + size <= sizeof message) {
			memcpy(message + have, raw + 8, size);
			have += size;
		}
		memmove(raw, raw + 8 + size, filled - 8 - size);
		filled -= 8 + size;
		uint32_t type, body;
		if (have < 20)
			continue;
		memcpy(&type, message + 4, 4);
		memcpy(&body, message + 16, 4);
		if (have >= 20 + body) {
			agent_message(type, message + 20, body);
			have = 0;
		}
	}
}

/* ---- serial line ---- */

static void command(char *line)
{
	if (strcmp(line, "move") == 0)
		moving = 1;
	else if (strcmp(line, "still") == 0)
		moving = 0;
	else if (strncmp(line, "tone ", 5) == 0)
		tone(atoi(line + 5));
	else if (strncmp(line, "copy ", 5) == 0) {
		uint32_t grab[] = { 0, 1 };
		snprintf(copied, sizeof copied, "%s", line + 5);
		if (agent >= 0)
			agent_send(GRAB, grab, sizeof grab);
	} else {
		return;
	}
	printf("DONE %s\n", line);
}

static void read_serial(void)
{
	static char line[4096];
	static size_t have;
	char bytes[256];
	ssize_t length = read(0, bytes, sizeof bytes);
	for (ssize_t index = 0; index < length; index++) {
		if (bytes[index] == '\n' || bytes[index] == '\r') {
			line[have] = 0;
			if (have > 0)
				command(line);
			have = 0;
		} else if (have < sizeof line - 1) {
			line[have++] = bytes[index];
		}
	}
}

static void prepare(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, "");
	mount("sysfs", "/sys", "sysfs", 0, "");
	mount("devtmpfs", "/dev", "devtmpfs", 0, "");
	int serial = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	struct termios settings;
	tcgetattr(serial, &settings);
	cfmakeraw(&settings);
	settings.c_oflag = OPOST | ONLCR;
	tcsetattr(serial, TCSANOW, &settings);
	/* Opened twice: only reading must not wait, and the flag belongs to the open file. */
	dup2(open("/dev/ttyS0", O_RDONLY | O_NOCTTY | O_NONBLOCK), 0);
	dup2(serial, 1);
	dup2(serial, 2);
	setvbuf(stdout, NULL, _IOLBF, 0);

	char parameters[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");
	if (file != NULL && fgets(parameters, sizeof parameters, file) != NULL) {
		char *rate = strstr(parameters, "guest.fps=");
		if (rate != NULL)
			fps = atoi(rate + 10);
		moving = strstr(parameters, "guest.move") != NULL;
	}
}

int main(void)
{
	prepare();
	/* Ctrl+Alt+Delete is a key like any other here. */
	signal(SIGINT, SIG_IGN);
	reboot(RB_DISABLE_CAD);
	load_modules();
	open_display();
	open_inputs();
	open_agent();
	printf("STARTED\n");

	long long next_frame = now_us(), next_look = next_frame;
	for (;;) {
		struct pollfd files[MAX_INPUTS + 2] = { { 0, POLLIN, 0 }, { agent, POLLIN, 0 } };
		for (int index = 0; index < input_count; index++)
			files[index + 2] = (struct pollfd){ inputs[index], POLLIN, 0 };
		long long now = now_us(), until = moving ? next_frame : next_look;
		int ready = poll(files, input_count + 2, until > now ? (int)((until - now + 999) / 1000) : 0);
		if (ready > 0) {
			if (files[0].revents & POLLIN)
				read_serial();
			if (files[1].revents & POLLIN)
				read_agent();
			else if (files[1].revents & POLLHUP)
				usleep(20000); /* no client is connected to the agent's port */
			for (int index = 0; index < input_count; index++)
				if (files[index + 2].revents & POLLIN)
					read_input(inputs[index]);
		}
		now = now_us();
		if (moving && now >= next_frame && framebuffer != 0) {
			offset = (offset + 8) % width;
			paint();
			next_frame += 1000000 / fps;
			if (next_frame < now)
				next_frame = now;
		}
		if (now >= next_look) {
			if (crtc != 0)
				follow_display();
			open_inputs();
			next_look = now + 500000;
		}
	}
}
