# REST operations of our own, beside those of vCenter.

data InguestStreamsProgram {
    arguments?: string[]; # none: the user's login shell
    working_directory?: string;
    environment_variables?: map string;
    terminal?: boolean;
    rows?: long;
    columns?: long;
}

data InguestStreamsConnection { port: long; } # of the guest's loopback

data InguestStreamsCreate {
    credentials: Credentials;
    program?: InguestStreamsProgram;
    connection?: InguestStreamsConnection; # one of the two
}

# A GET of the path with "Connection: Upgrade" and "Upgrade: PROTOCOL", once and within 30 seconds.
data InguestStreamsInfo {
    path: string;
    protocol: string;
}

operation inguest_streams_create: POST /api/inguest/vm/{vm}/guest/streams body InguestStreamsCreate
    -> InguestStreamsInfo status 201
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, UNABLE_TO_ALLOCATE_RESOURCE, SERVICE_UNAVAILABLE, UNAUTHORIZED;

operation inguest_processes_wait: POST /api/inguest/vm/{vm}/guest/processes/{pid}?action=wait (seconds?: long)
    body CredentialsOnly -> ProcessesInfo
    errors NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED, RESOURCE_BUSY, SERVICE_UNAVAILABLE, UNAUTHORIZED;
