/*
 * A desktop in motion, for benchmarks of remote desktops:
 *
 *   mover FPS   pans a picture over the whole screen until it is ended
 *
 * The picture is a photograph in its statistics: soft gradients with detail, nothing that a codec
 * could leave out.
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define STEP 4

static unsigned int noise(unsigned int x, unsigned int y)
{
	unsigned int value = x * 374761393u + y * 668265263u;
	value = (value ^ (value >> 13)) * 1274126177u;
	return (value ^ (value >> 16)) & 31;
}

int main(int argc, char **argv)
{
	Display *display = XOpenDisplay(NULL);
	int fps = argc == 2 ? atoi(argv[1]) : 0;
	if (display == NULL || fps < 1 || fps > 100) {
		fprintf(stderr, "usage: mover FPS, on a display\n");
		return 2;
	}
	int screen = DefaultScreen(display);
	int width = DisplayWidth(display, screen), height = DisplayHeight(display, screen);
	Window root = RootWindow(display, screen);
	XSetWindowAttributes attributes = { .override_redirect = True };
	Window window = XCreateWindow(display, root, 0, 0, width, height, 0, CopyFromParent, InputOutput,
		CopyFromParent, CWOverrideRedirect, &attributes);
	XMapRaised(display, window);

	XImage *image = XCreateImage(display, DefaultVisual(display, screen), DefaultDepth(display, screen),
		ZPixmap, 0, malloc((size_t)width * 2 * height * 4), width * 2, height, 32, 0);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++) {
			unsigned int detail = noise(x / 3, y / 3);
			unsigned long pixel = ((x * 200 / width + detail) << 16) | ((y * 200 / height + detail) << 8) |
				(((x / 64 + y / 64) & 1) * 96 + detail);
			XPutPixel(image, x, y, pixel);
			/* Twice beside each other, so that the picture has no seam. */
			XPutPixel(image, x + width, y, pixel);
		}
	GC gc = XCreateGC(display, window, 0, NULL);
	Pixmap picture = XCreatePixmap(display, window, width * 2, height, DefaultDepth(display, screen));
	XPutImage(display, picture, gc, image, 0, 0, 0, 0, width * 2, height);

	struct timespec next;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (int offset = 0;; offset = (offset + STEP) % width) {
		XCopyArea(display, picture, window, gc, offset, 0, width, height, 0, 0);
		XSync(display, False);
		next.tv_nsec += 1000000000L / fps;
		if (next.tv_nsec >= 1000000000L) {
			next.tv_nsec -= 1000000000L;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}
