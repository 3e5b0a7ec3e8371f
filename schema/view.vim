object ViewManager since 2.5 needs System.View {
    viewList?: ref View[];

    CreateInventoryView() -> ref InventoryView
        needs System.View;

    CreateContainerView(container: ref ManagedEntity needs System.View, type?: typeName[],
            recursive: boolean) -> ref ContainerView
        needs System.View;

    # List views leave out what the user may not see instead of refusing the call.
    CreateListView(obj?: ref any[]) -> ref ListView
        needs System.View;

    CreateListViewFromView(view: ref View) -> ref ListView
        needs System.View;
}

object View since 2.5 {
    DestroyView() -> void
        needs System.View;
}

object ManagedObjectView extends View since 2.5 needs System.View {
    view?: ref any[];
}

object ContainerView extends ManagedObjectView since 2.5 needs System.View {
    container: ref ManagedEntity;
    type?: typeName[];
    recursive: boolean;
}

object ListView extends ManagedObjectView since 2.5 {
    ModifyListView(add?: ref any[], remove?: ref any[]) -> ref any[]?;

    ResetListView(obj?: ref any[]) -> ref any[]?;

    ResetListViewFromView(view: ref View) -> void;
}

object InventoryView extends ManagedObjectView since 2.5 {
    OpenInventoryViewFolder(entity: ref ManagedEntity[] needs System.View) -> ref ManagedEntity[]?;

    CloseInventoryViewFolder(entity: ref ManagedEntity[] needs System.View) -> ref ManagedEntity[]?;
}
