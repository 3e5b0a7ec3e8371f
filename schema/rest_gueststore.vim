# REST: GuestStore, an extension of ours. Needs the privilege Host.Config.GuestStore on the host.

data GuestStoreRepository {
    repository: string; # a folder, ds:///vmfs/volumes/..., file://, http://, https:// or s3://
    endpoint?: string; # S3: URL of the server
    region?: string; # S3
    ca_file?: string; # a file on the host; certificates to trust instead of the system's
    size_max?: long; # bytes of one resource
    cache_max?: long; # bytes of the cache
}

data GuestStoreVm {
    vm: string;
    name: string;
    attached: boolean;
    grant?: string;
    deny?: string;
    problem?: string; # what is wrong with the rules; everything is denied then
    requests: long;
    denied: long;
    missing: long;
    failed: long;
    bytes: long;
}

data GuestStoreStatus {
    repository?: string;
    running: boolean;
    reason?: string; # why not
    requests: long;
    denied: long;
    missing: long;
    failed: long;
    bytes_served: long;
    bytes_fetched: long;
    hits: long; # requests that were answered from the cache
    misses: long; # that caused a download
    shared: long; # that followed another's download
    cache_bytes: long;
    cache_entries: long;
    cache_max: long;
    vms: GuestStoreVm[];
}

operation gueststore_status: GET /api/inguest/gueststore -> GuestStoreStatus errors UNAUTHORIZED;
operation gueststore_repository_get: GET /api/inguest/gueststore/repository -> GuestStoreRepository
    errors NOT_FOUND, UNAUTHORIZED;
operation gueststore_repository_set: PUT /api/inguest/gueststore/repository body GuestStoreRepository
    -> void errors INVALID_ARGUMENT, UNAUTHORIZED;
operation gueststore_repository_clear: DELETE /api/inguest/gueststore/repository -> void
    errors UNAUTHORIZED;
