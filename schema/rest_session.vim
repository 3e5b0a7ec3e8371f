# REST: sessions and errors.

data SessionInfo {
    user: string;
    created_time: dateTime;
    last_accessed_time: dateTime;
}

# The body of every answer that is no success.
data Error {
    error_type: string;
    messages: LocalizableMessage[];
    challenge?: string;
}

data LocalizableMessage {
    id: string;
    default_message: string;
    args: string[];
}

operation session_create: POST /api/session -> string status 201 login
    errors UNAUTHENTICATED, SERVICE_UNAVAILABLE;
operation session_get: GET /api/session -> SessionInfo;
operation session_delete: DELETE /api/session -> void;

operation cis_session_create: POST /rest/com/vmware/cis/session -> string status 200 login
    errors UNAUTHENTICATED, SERVICE_UNAVAILABLE;
operation cis_session_get: POST /rest/com/vmware/cis/session?~action=get -> SessionInfo;
operation cis_session_delete: DELETE /rest/com/vmware/cis/session -> void status 200;
