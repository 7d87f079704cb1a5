/* Who asks over HTTP: name and password of the Authorization header (Basic, RFC 7617), or the name in a
 * verified client certificate. While there are no users, everybody may do everything.
 */
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/diag.h"
#include "server/http_message.h"
#include "server/security.h"

static status wrong(const struct http_request *request, const char *name, const char *why)
{
	char shown[USER_SHOWN_SIZE];
	diag(DIAG_WARN, "audit", "authentication_failed",
		"listener=http peer=%s principal=\"%s\" mechanism=basic error=\"%s\"", request->peer,
		user_name_show(slice_of_string(name), shown), why);
	return error_raise(STATUS_UNAUTHENTICATED, "authentication failed");
}

static status basic_check(struct server *server, struct http_request *request, struct buffer *decoded)
{
	const char *text = request->authorization + 6;
	text += strspn(text, " ");
	if (base64_decode(slice_of_string(text), decoded) != STATUS_OK || decoded->size == 0)
		return wrong(request, "", "not base64");
	uint8_t *colon = memchr(decoded->data, ':', decoded->size);
	if (colon == NULL || memchr(decoded->data, 0, (size_t)(colon - decoded->data)) != NULL)
		return wrong(request, "", "not a name and a password");
	*colon = '\0';
	const char *name = (const char *)decoded->data;
	struct slice password = slice_of(colon + 1, (size_t)(decoded->data + decoded->size - colon - 1));
	request->user = security_login(server_security(server), name, password);
	return request->user != NULL ? STATUS_OK : wrong(request, name, "wrong password, or no such user");
}

status http_identify(struct server *server, struct http_request *request)
{
	struct engine *engine = server_engine(server);
	request->open = engine_users_generation(engine) == 0;
	if (request->open)
		return STATUS_OK;
	if (strncasecmp(request->authorization, "basic ", 6) == 0) {
		struct buffer decoded;
		buffer_init(&decoded);
		status code = basic_check(server, request, &decoded);
		if (decoded.data != NULL)
			scram_wipe(decoded.data, decoded.capacity);
		buffer_deinit(&decoded);
		return code;
	}
	if (request->authorization[0] != '\0')
		return wrong(request, "", "another scheme than Basic");
	if (request->certificate_name[0] != '\0')
		request->user = engine_user(engine, request->certificate_name);
	return STATUS_OK;
}

status http_may(const struct http_request *request, enum user_role role, const char *name)
{
	if (request->open)
		return STATUS_OK;
	if (request->user == NULL) {
		status code = error_raise(STATUS_UNAUTHENTICATED, "this needs a user's name and password");
		error_hint("Send them as HTTP Basic: curl -u NAME; kappa takes --user and KAPPA_PASSWORD.");
		return code;
	}
	if (name != NULL ? user_may(request->user, role, slice_of_string(name))
					 : user_may_all(request->user, role))
		return STATUS_OK;
	diag(DIAG_INFO, "audit", "refused", "listener=http principal=\"%s\" role=%s", request->user->name,
		user_role_name(role));
	status code = name != NULL
					  ? error_raise(STATUS_FORBIDDEN, "user \"%s\" may not do this with \"%s\"",
							request->user->name, name)
					  : error_raise(STATUS_FORBIDDEN, "user \"%s\" may not do this", request->user->name);
	error_hint("It needs the role %s.", user_role_name(role));
	return code;
}

void http_audit(const struct http_request *request, const char *event, const char *object)
{
	char shown[USER_SHOWN_SIZE], what[USER_SHOWN_SIZE];
	diag(DIAG_INFO, "audit", user_name_show(slice_of_string(event), what),
		"listener=http peer=%s principal=\"%s\" object=\"%s\"", request->peer,
		request->user != NULL ? request->user->name : "", user_name_show(slice_of_string(object), shown));
}
