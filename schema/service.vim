object ServiceInstance needs System.Anonymous {
    serverClock: dateTime;
    capability: Capability;
    content: ServiceContent;

    CurrentTime() -> dateTime
        needs System.View;

    RetrieveServiceContent() -> ServiceContent
        needs System.Anonymous;
}

data Capability {
    provisioningSupported: boolean;
    multiHostSupported: boolean;
    userShellAccessSupported: boolean;
    networkBackupAndRestoreSupported?: boolean since 5.1;
    ftDrsWithoutEvcSupported?: boolean since 6.7;
}
