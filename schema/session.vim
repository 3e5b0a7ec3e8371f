object SessionManager needs System.Anonymous {
    sessionList?: UserSession[] needs Sessions.TerminateSession;
    currentSession?: UserSession;
    message?: string needs System.View;
    messageLocaleList?: string[];
    supportedLocaleList?: string[];
    defaultLocale: string;

    Login(userName: string, password: string secret, locale?: string) -> UserSession
        needs System.Anonymous
        faults InvalidLogin, InvalidLocale;

    Logout() -> void
        needs System.View anonymous;

    LoginByToken(locale?: string) -> UserSession
        needs System.Anonymous since 5.1
        faults InvalidLogin, InvalidLocale;

    LoginBySSPI(base64Token: string, locale?: string) -> UserSession
        needs System.Anonymous since 2.5
        faults SSPIChallenge, InvalidLogin, InvalidLocale;

    LoginExtensionByCertificate(extensionKey: string, locale?: string) -> UserSession
        needs System.Anonymous since 4.0
        faults InvalidLogin, InvalidLocale, NoClientCertificate;

    LoginExtensionBySubjectName(extensionKey: string, locale?: string) -> UserSession
        needs System.Anonymous since 2.5
        faults InvalidLogin, InvalidLocale, NotFound, NoClientCertificate, NoSubjectName;

    ImpersonateUser(userName: string, locale?: string) -> UserSession
        needs Sessions.ImpersonateUser since 2.5
        faults InvalidLogin, InvalidLocale;

    AcquireCloneTicket() -> string
        needs System.View since 2.5u2;

    CloneSession(cloneTicket: string) -> UserSession
        needs System.Anonymous since 2.5u2
        faults InvalidLogin;

    AcquireLocalTicket(userName: string) -> SessionManagerLocalTicket
        needs System.Anonymous
        faults InvalidLogin;

    AcquireGenericServiceTicket(spec: SessionManagerServiceRequestSpec) -> SessionManagerGenericServiceTicket
        needs System.Anonymous since 5.0;

    SessionIsActive(sessionID: string, userName: string) -> boolean
        needs Sessions.ValidateSession since 2.5;

    TerminateSession(sessionId: string[]) -> void
        needs Sessions.TerminateSession
        faults NotFound;

    SetLocale(locale: string) -> void
        needs System.View
        faults InvalidLocale;

    UpdateServiceMessage(message: string) -> void
        needs Sessions.GlobalMessage;
}

data SessionManagerServiceRequestSpec since 5.0 { }

data SessionManagerHttpServiceRequestSpec extends SessionManagerServiceRequestSpec since 5.0 {
    method?: string;
    url: string;
}

data SessionManagerGenericServiceTicket since 5.0 {
    id: string;
    hostName?: string since 5.1;
    sslThumbprint?: string since 5.1;
}
