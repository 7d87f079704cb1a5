/* The data directory. */
#include "server/data_dir.h"

#include <string.h>

#include "base/memory.h"

#define FORMAT_TEXT "kappa 1\n"

static char *path_join(const char *dir, const char *name)
{
	struct buffer path;
	buffer_init(&path);
	buffer_printf(&path, "%s/%s", dir, name);
	buffer_append_byte(&path, 0);
	return (char *)path.data;
}

/* With its parents; durable. */
static status directories_create(const char *path)
{
	char *part = mem_copy_string(path);
	status result = STATUS_OK;
	for (char *at = part + 1; result == STATUS_OK; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char kept = *at;
		*at = '\0';
		result = directory_create(part);
		if (result == STATUS_OK)
			result = directory_sync_parent(part);
		else if (result == STATUS_EXISTS)
			result = STATUS_OK;
		*at = kept;
		if (kept == '\0')
			break;
	}
	mem_free(part);
	return result;
}

static bool name_is_ours(const char *name)
{
	static const char *const ours[] = {"version", "version.new", "lock", "log", "views", "lost+found"};
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		if (strcmp(name, ours[i]) == 0)
			return true;
	}
	return false;
}

/* A directory without a version is new, or had everything but its log taken away; else it is somebody else's.
 */
static status foreign_refuse(const char *path)
{
	struct directory_list list;
	status result = directory_list(path, &list);
	if (result != STATUS_OK)
		return result;
	for (size_t i = 0; i < list.count && result == STATUS_OK; i++) {
		if (name_is_ours(list.names[i]))
			continue;
		result = error_raise(
			STATUS_INVALID, "%s is not a data directory of kappa: it holds \"%s\"", path, list.names[i]);
		error_hint("Choose an empty or a new directory with --data-dir.");
	}
	directory_list_free(&list);
	return result;
}

static status version_check(const char *path)
{
	char *version_path = path_join(path, "version");
	struct buffer text;
	buffer_init(&text);
	status result = file_read_all(version_path, 256, &text);
	if (result == STATUS_NOT_FOUND) {
		result = foreign_refuse(path);
		if (result == STATUS_OK)
			result = file_replace(version_path, slice_of_string(FORMAT_TEXT));
	} else if (result == STATUS_OK && !slice_equal(buffer_slice(&text), slice_of_string(FORMAT_TEXT))) {
		result = error_raise(STATUS_UNSUPPORTED, "%s was written by another version of kappa: \"%.*s\"", path,
			(int)strcspn((const char *)text.data, "\n"), (const char *)text.data);
	}
	buffer_deinit(&text);
	mem_free(version_path);
	return result;
}

status data_dir_open(const char *path, struct data_dir *out)
{
	struct data_dir dir = {.lock = {.fd = -1}};
	status result = directories_create(path);
	if (result != STATUS_OK)
		return error_note(result, "while creating the data directory");
	char *lock_path = path_join(path, "lock");
	result = file_lock(&dir.lock, lock_path);
	mem_free(lock_path);
	if (result == STATUS_LOCKED)
		error_hint("Another kappa serve uses the directory; stop it, or choose another with --data-dir.");
	if (result == STATUS_OK)
		result = version_check(path);
	if (result != STATUS_OK) {
		file_close(&dir.lock);
		return result;
	}
	dir.path = mem_copy_string(path);
	dir.log_path = path_join(path, "log");
	dir.views_path = path_join(path, "views");
	*out = dir;
	return STATUS_OK;
}

void data_dir_close(struct data_dir *dir)
{
	if (dir->path == NULL)
		return;
	mem_free(dir->path);
	mem_free(dir->log_path);
	mem_free(dir->views_path);
	file_close(&dir->lock);
	*dir = (struct data_dir){.lock = {.fd = -1}};
}
