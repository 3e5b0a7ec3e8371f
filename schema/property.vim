enum PropertyChangeOp { add; remove; assign; indirectRemove; }
enum ObjectUpdateKind { modify; enter; leave; }

object PropertyCollector needs System.View {
    filter?: ref PropertyFilter[];

    CreateFilter(spec: PropertyFilterSpec, partialUpdates: boolean) -> ref PropertyFilter
        needs System.View
        faults InvalidProperty;

    RetrieveProperties(specSet: PropertyFilterSpec[]) -> ObjectContent[]?
        needs System.Anonymous
        faults InvalidProperty;

    CheckForUpdates(version?: string) -> UpdateSet?
        needs System.View
        faults InvalidCollectorVersion;

    WaitForUpdates(version?: string) -> UpdateSet
        needs System.View
        faults InvalidCollectorVersion;

    CancelWaitForUpdates() -> void
        needs System.View;

    WaitForUpdatesEx(version?: string, options?: WaitOptions) -> UpdateSet?
        needs System.View since 4.1
        faults InvalidCollectorVersion;

    RetrievePropertiesEx(specSet: PropertyFilterSpec[], options: RetrieveOptions) -> RetrieveResult?
        needs System.Anonymous since 4.1
        faults InvalidProperty;

    ContinueRetrievePropertiesEx(token: string) -> RetrieveResult
        needs System.View since 4.1
        faults InvalidProperty;

    CancelRetrievePropertiesEx(token: string) -> void
        needs System.View since 4.1
        faults InvalidProperty;

    CreatePropertyCollector() -> ref PropertyCollector
        needs System.View since 4.1;

    DestroyPropertyCollector() -> void
        needs System.View since 4.1;
}

object PropertyFilter needs System.View {
    spec: PropertyFilterSpec;
    partialUpdates: boolean;

    DestroyPropertyFilter() -> void;
}

data PropertyFilterSpec {
    propSet: PropertySpec[];
    objectSet: ObjectSpec[];
    reportMissingObjectsInResults?: boolean since 4.1;
}

data PropertySpec {
    type: typeName;
    all?: boolean;
    pathSet?: propertyPath[];
}

data ObjectSpec {
    obj: ref any;
    skip?: boolean;
    selectSet?: SelectionSpec[];
}

data SelectionSpec { name?: string; }

data TraversalSpec extends SelectionSpec {
    type: typeName;
    path: propertyPath;
    skip?: boolean;
    selectSet?: SelectionSpec[];
}

data RetrieveOptions since 4.1 { maxObjects?: int; }

data RetrieveResult since 4.1 {
    token?: string;
    objects: ObjectContent[];
}

data ObjectContent {
    obj: ref any;
    propSet?: DynamicProperty[];
    missingSet?: MissingProperty[];
}

data DynamicProperty {
    name: propertyPath;
    val: anyType;
}

data MissingProperty {
    path: propertyPath;
    fault: LocalizedMethodFault;
}

data MissingObject {
    obj: ref any;
    fault: LocalizedMethodFault;
}

data WaitOptions since 4.1 {
    maxWaitSeconds?: int;
    maxObjectUpdates?: int;
}

data UpdateSet {
    version: string;
    filterSet?: PropertyFilterUpdate[];
    truncated?: boolean since 4.1;
}

data PropertyFilterUpdate {
    filter: ref PropertyFilter;
    objectSet?: ObjectUpdate[];
    missingSet?: MissingObject[];
}

data ObjectUpdate {
    kind: ObjectUpdateKind;
    obj: ref any;
    changeSet?: PropertyChange[];
    missingSet?: MissingProperty[];
}

data PropertyChange {
    name: propertyPath;
    op: PropertyChangeOp;
    val?: anyType;
}
