# REST: data sets of virtual machines.

enum DataSetsAccess { NONE; READ_ONLY; READ_WRITE; }

# Access modes are checked by the handler, which tells a wrong one from a body that is no JSON.
data DataSetsCreateSpec {
    name: string default;
    description: string default;
    host?: string;
    guest?: string;
    omit_from_snapshot_and_clone?: boolean;
}

data DataSetsUpdateSpec {
    description?: string;
    host?: string;
    guest?: string;
    omit_from_snapshot_and_clone?: boolean;
}

data DataSetsSummary {
    data_set: string;
    name: string;
    description: string;
}

data DataSetsInfo {
    name: string;
    description: string;
    host: DataSetsAccess;
    guest: DataSetsAccess;
    used: long; # bytes of keys and values
    omit_from_snapshot_and_clone: boolean;
}

operation data_sets_list: GET /api/vcenter/vm/{vm}/data-sets -> DataSetsSummary[] simulated
    errors NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_sets_create: POST /api/vcenter/vm/{vm}/data-sets body DataSetsCreateSpec late -> string
    status 201 simulated
    errors ALREADY_EXISTS, INVALID_ARGUMENT, NOT_ALLOWED_IN_CURRENT_STATE, NOT_FOUND, UNABLE_TO_ALLOCATE_RESOURCE,
        UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_sets_get: GET /api/vcenter/vm/{vm}/data-sets/{data_set} -> DataSetsInfo simulated
    errors NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_sets_update: PATCH /api/vcenter/vm/{vm}/data-sets/{data_set} body DataSetsUpdateSpec late -> void
    simulated
    errors INVALID_ARGUMENT, NOT_ALLOWED_IN_CURRENT_STATE, NOT_FOUND, UNABLE_TO_ALLOCATE_RESOURCE, UNAUTHORIZED,
        UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_sets_delete: DELETE /api/vcenter/vm/{vm}/data-sets/{data_set} (force?: string) -> void simulated
    errors NOT_ALLOWED_IN_CURRENT_STATE, NOT_FOUND, RESOURCE_IN_USE, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_set_entries_list: GET /api/vcenter/vm/{vm}/data-sets/{data_set}/entries -> string[] simulated
    errors NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_set_entries_get: GET /api/vcenter/vm/{vm}/data-sets/{data_set}/entries/{key} -> string simulated
    errors NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_set_entries_set: PUT /api/vcenter/vm/{vm}/data-sets/{data_set}/entries/{key} body string late -> void
    simulated
    errors INVALID_ARGUMENT, NOT_ALLOWED_IN_CURRENT_STATE, NOT_FOUND, UNABLE_TO_ALLOCATE_RESOURCE, UNAUTHORIZED,
        UNSUPPORTED, SERVICE_UNAVAILABLE;
operation data_set_entries_delete: DELETE /api/vcenter/vm/{vm}/data-sets/{data_set}/entries/{key} -> void simulated
    errors NOT_ALLOWED_IN_CURRENT_STATE, NOT_FOUND, UNAUTHORIZED, UNSUPPORTED, SERVICE_UNAVAILABLE;
