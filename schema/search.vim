object SearchIndex {
    FindByUuid(datacenter?: ref Datacenter, uuid: string, vmSearch: boolean,
            instanceUuid?: boolean since 4.0) -> ref ManagedEntity?
        needs System.View;

    FindByDatastorePath(datacenter: ref Datacenter, path: string) -> ref VirtualMachine?
        needs System.View
        faults InvalidDatastore;

    FindByDnsName(datacenter?: ref Datacenter, dnsName: string, vmSearch: boolean) -> ref ManagedEntity?
        needs System.View;

    FindByIp(datacenter?: ref Datacenter, ip: string, vmSearch: boolean) -> ref ManagedEntity?
        needs System.View;

    FindByInventoryPath(inventoryPath: string) -> ref ManagedEntity?
        needs System.View;

    FindChild(entity: ref ManagedEntity, name: string) -> ref ManagedEntity?
        needs System.View;

    FindAllByUuid(datacenter?: ref Datacenter, uuid: string, vmSearch: boolean,
            instanceUuid?: boolean) -> ref ManagedEntity[]
        needs System.View since 4.0;

    FindAllByDnsName(datacenter?: ref Datacenter, dnsName: string, vmSearch: boolean) -> ref ManagedEntity[]
        needs System.View since 4.0;

    FindAllByIp(datacenter?: ref Datacenter, ip: string, vmSearch: boolean) -> ref ManagedEntity[]
        needs System.View since 4.0;
}
