/*
 * What a person would see and feel of a screen, measured from outside the program that draws it:
 *
 *   probe frames X Y SECONDS     how often the 64 pixels from (X, Y) to the right change: total
 *   probe wait X Y SECONDS       until (X, Y) is bright: milliseconds since the epoch, or -1
 *   probe dark X Y SECONDS       until (X, Y) is dark, likewise
 *   probe key KEYCODE X Y COUNT  presses a key and waits until (X, Y) is bright: microseconds a line
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STRIP 64
#define POLL_US 1000
#define GIVE_UP_US 3000000

static Display *display;

static long long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void read_strip(int x, int y, int width, unsigned long *out)
{
	XImage *image = XGetImage(display, DefaultRootWindow(display), x, y, width, 1, AllPlanes, ZPixmap);
	for (int column = 0; column < width; column++)
		out[column] = XGetPixel(image, column, 0) & 0xffffff;
	XDestroyImage(image);
}

static int bright(int x, int y)
{
	unsigned long pixel;
	read_strip(x, y, 1, &pixel);
	return (pixel & 0xff) > 128 && (pixel >> 8 & 0xff) > 128 && (pixel >> 16) > 128;
}

/* Microseconds until the place is bright or dark, or -1. */
static long long wait_for(int x, int y, int wanted, long long since)
{
	while (bright(x, y) != wanted) {
		if (now_us() - since > GIVE_UP_US)
			return -1;
		usleep(POLL_US);
	}
	return now_us() - since;
}

static int count_frames(int x, int y, int seconds)
{
	unsigned long before[STRIP], current[STRIP];
	int frames = 0;
	long long end = now_us() + seconds * 1000000LL;
	read_strip(x, y, STRIP, before);
	while (now_us() < end) {
		usleep(POLL_US);
		read_strip(x, y, STRIP, current);
		if (memcmp(before, current, sizeof before) != 0) {
			frames++;
			memcpy(before, current, sizeof before);
		}
	}
	printf("%d\n", frames);
	return 0;
}

static int wait_until(int wanted, int x, int y, int seconds)
{
	long long end = now_us() + seconds * 1000000LL;
	struct timespec t;
	while (bright(x, y) != wanted) {
		if (now_us() > end) {
			printf("-1\n");
			return 0;
		}
		usleep(POLL_US);
	}
	clock_gettime(CLOCK_REALTIME, &t);
	printf("%lld\n", t.tv_sec * 1000LL + t.tv_nsec / 1000000);
	return 0;
}

static int time_keys(int keycode, int x, int y, int count)
{
	for (int press = 0; press < count; press++) {
		long long start = now_us();
		XTestFakeKeyEvent(display, keycode, True, 0);
		XFlush(display);
		long long shown = wait_for(x, y, 1, start);
		XTestFakeKeyEvent(display, keycode, False, 0);
		XFlush(display);
		if (shown < 0 || wait_for(x, y, 0, now_us()) < 0) {
			fprintf(stderr, "the key had no effect on the screen\n");
			return 1;
		}
		printf("%lld\n", shown);
		/* Out of step with every clock that could make all presses alike. */
		usleep(150000 + press * 7919 % 50000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	display = XOpenDisplay(NULL);
	if (display == NULL) {
		fprintf(stderr, "no display\n");
		return 1;
	}
	if (argc == 5 && strcmp(argv[1], "frames") == 0)
		return count_frames(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "wait") == 0)
		return wait_until(1, atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 5 && strcmp(argv[1], "dark") == 0)
		return wait_until(0, atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc == 6 && strcmp(argv[1], "key") == 0)
		return time_keys(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	fprintf(stderr, "usage: probe frames X Y SECONDS | wait|dark X Y SECONDS | key KEYCODE X Y COUNT\n");
	return 2;
}
